//! Mail through the installation's server, by `lettre`: SMTP with its TLS, authentication and
//! encodings is not ours to write. Must not know alarms.

use lettre::message::Mailbox;
use lettre::{Message, SmtpTransport, Transport};
use std::time::Duration;

/// How long each step with the server may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Why there is no mailer.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The server's URL is none; its text may hold a password and is not shown.
    #[error("LARDER_SMTP_URL is no smtp:// or smtps:// address: {0}")]
    Url(lettre::transport::smtp::Error),
    /// The sender is no address.
    #[error("LARDER_SMTP_FROM is no mail address: {0}")]
    From(lettre::address::AddressError),
}

/// Sends mail.
pub(crate) struct Mailer {
    transport: SmtpTransport,
    from: Mailbox,
}

impl Mailer {
    /// Through the server of an URL such as `smtps://user:password@mail.example.org` or
    /// `smtp://host:587?tls=required`.
    ///
    /// # Errors
    /// See [`MailError`].
    pub(crate) fn new(url: &str, from: &str) -> Result<Mailer, MailError> {
        let transport = SmtpTransport::from_url(url).map_err(MailError::Url)?;
        let transport = transport.timeout(Some(LIMIT)).build();
        Ok(Mailer { transport, from: from.parse().map_err(MailError::From)? })
    }

    /// Sends one mail; blocks. The flag of an error tells whether trying again makes sense.
    ///
    /// # Errors
    /// What went wrong, for a person.
    pub(crate) fn send(
        &self,
        to: &str,
        subject: &str,
        text: String,
    ) -> Result<String, (String, bool)> {
        let to: Mailbox = to.parse().map_err(|_| ("it is no mail address".to_owned(), false))?;
        let mail = Message::builder().from(self.from.clone()).to(to).subject(subject);
        let mail = mail.body(text).map_err(|error| (error.to_string(), false))?;
        match self.transport.send(&mail) {
            Ok(response) => Ok(format!("accepted with {}", response.code())),
            Err(error) => Err((error.to_string(), !error.is_permanent())),
        }
    }
}

/// Whether a text is a mail address.
pub(crate) fn is_address(text: &str) -> bool {
    text.parse::<Mailbox>().is_ok()
}
