//! Telling people and scripts where everything is: the text on stdout and the ready file. Must not
//! know how it came to be.

use crate::bootstrap::Credentials;
use crate::quickstart::Quickstart;
use serde_json::{Value, json};

/// What is told.
pub(crate) struct Announcement<'a> {
    /// `http://host:port`.
    pub(crate) api: &'a str,
    pub(crate) credentials: &'a Credentials,
    pub(crate) quickstart: Option<&'a Quickstart>,
}

impl Announcement<'_> {
    /// Lines for a person. Credentials are shown by the first start only.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if let Some(quickstart) = self.quickstart {
            text.push_str(&redis_text(quickstart));
        }
        let made = self.credentials;
        let api = self.api;
        let mut row = |name: &str, value: &str| text.push_str(&format!("{name:<18}{value}\n"));
        row("API", api);
        row("AccessKey id", &made.access_key_id);
        if !made.announced {
            row("AccessKey secret", &made.access_key_secret);
        }
        row("Console", &format!("{api}/console"));
        row("Console user", &made.console_user);
        if made.announced {
            text.push_str("Secrets were shown by the first start.\n");
        } else {
            row("Console password", &made.console_password);
            text.push_str("These secrets are shown only now; keep them.\n");
        }
        text
    }

    /// The ready file; the same at each start.
    pub(crate) fn ready(&self) -> Value {
        let made = self.credentials;
        let mut ready = json!({
            "api": self.api,
            "console": format!("{}/console", self.api),
            "console_user": made.console_user,
            "console_password": made.console_password,
            "access_key_id": made.access_key_id,
            "access_key_secret": made.access_key_secret,
        });
        if let Some(quickstart) = self.quickstart {
            ready["instance"] = json!({
                "id": quickstart.id,
                "host": quickstart.host,
                "port": quickstart.port,
                "password": quickstart.password,
                "url": quickstart.url(),
            });
        }
        ready
    }
}

fn redis_text(quickstart: &Quickstart) -> String {
    let url = quickstart.url();
    format!(
        "\nRedis is ready.\n\n  {url}\n\n  redis-cli -u {url}\n\n  \
         import redis\n  \
         r = redis.Redis.from_url(\"{url}\")\n  \
         r.set(\"greeting\", \"hello\"); print(r.get(\"greeting\"))\n\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_once_and_the_ready_file_stays() {
        let first = Credentials {
            account_id: "1".into(),
            access_key_id: "LTAI".into(),
            access_key_secret: "S-E-C".into(),
            console_user: "root".into(),
            console_password: "P-W".into(),
            quickstart_password: "Q-P".into(),
            announced: false,
        };
        let later = Credentials { announced: true, ..first.clone() };
        let quickstart = Quickstart {
            id: "r-1".into(),
            host: "127.0.0.1".into(),
            port: 6379,
            password: "Q-P".into(),
        };
        let told = |credentials, quickstart| Announcement {
            api: "http://127.0.0.1:8077",
            credentials,
            quickstart,
        };
        let text = told(&first, Some(&quickstart)).text();
        let url = "redis://default:Q-P@127.0.0.1:6379/0";
        for part in [url, "S-E-C", "P-W", "LTAI", "http://127.0.0.1:8077/console", "from_url"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let text = told(&later, Some(&quickstart)).text();
        assert!(text.contains(url) && !text.contains("S-E-C") && !text.contains("P-W"));
        assert!(!told(&later, None).text().contains("redis://"));
        let ready = told(&first, Some(&quickstart)).ready();
        assert_eq!(ready, told(&later, Some(&quickstart)).ready());
        assert_eq!(ready["instance"]["url"], url);
        assert_eq!(told(&first, None).ready().get("instance"), None);
    }
}
