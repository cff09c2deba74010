//! A window of requests read ahead of their turn, so that the memory they will need can be fetched
//! while earlier ones run. Reading ahead decides nothing: a request is gated and run in its turn.

use crate::conn::Conn;
use crate::dispatch::Request;
use crate::shared::Shared;
use catalog::commands::{CommandId, Missing};
use resp::decode::{ProtocolError, Step};
use resp::{Args, Decoder, Limits, Span};

/// Requests in a window.
const WINDOW: usize = 16;

/// The window of the connection being served; reused from one to the next.
#[derive(Debug, Default)]
pub struct Ahead {
    requests: Vec<Seen>,
    spans: Vec<Span>,
    /// Where the request after the window starts, which the decoder may have begun to read.
    next: usize,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    /// Where it lies in the input.
    start: usize,
    end: usize,
    /// Its first span; the next request's first one ends it. `None` for an inline request.
    spans: Option<(usize, usize)>,
    found: Result<CommandId, Missing>,
    hash: u64,
}

/// Why a window ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It is full.
    More,
    /// Its last request is an inline one, whose words are in the decoder.
    Inline,
    /// The next request has not arrived in full.
    Incomplete,
    /// What follows is no request.
    Error(ProtocolError),
}

impl Ahead {
    /// Reads requests from where the connection stands. A stranger's are read one at a time: AUTH
    /// changes what may come next.
    pub fn look(&mut self, shared: &Shared, conn: &mut Conn, bulk_bytes_max: u64) -> End {
        self.requests.clear();
        self.spans.clear();
        let unauthenticated = conn.session.user.is_none();
        let limits = Limits { bulk_bytes_max, unauthenticated };
        let window = if unauthenticated { 1 } else { WINDOW };
        let mut start = conn.consumed;
        self.next = start;
        while self.requests.len() < window {
            let input = &conn.input[start..];
            let consumed = match conn.decoder.step(input, limits) {
                Step::Request { consumed } => consumed,
                Step::Empty { consumed } => {
                    conn.decoder.finish();
                    start += consumed;
                    self.next = start;
                    continue;
                }
                Step::Incomplete { wanted } => {
                    conn.wanted = wanted;
                    return End::Incomplete;
                }
                Step::Error(problem) => return End::Error(problem),
            };
            let end = start + consumed;
            self.next = end;
            let request = Request::look_up(shared, conn.decoder.args(input));
            let seen = Seen { start, end, spans: None, found: request.found, hash: request.hash };
            let Some(spans) = conn.decoder.spans() else {
                self.requests.push(seen);
                return End::Inline;
            };
            let first = self.spans.len();
            self.spans.extend_from_slice(spans);
            self.requests.push(Seen { spans: Some((first, self.spans.len())), ..seen });
            conn.decoder.finish();
            start = end;
        }
        End::More
    }

    /// Requests in the window.
    #[must_use]
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// True when nothing has arrived in full.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Hashes of the keys that the window's requests name.
    pub fn hashes(&self) -> impl Iterator<Item = u64> + Clone {
        self.requests.iter().map(|seen| seen.hash).filter(|hash| *hash != 0)
    }

    /// Request `at`, whose bytes are in `input` or, for an inline one, in `decoder`.
    #[inline]
    #[must_use]
    pub fn request<'t>(&'t self, at: usize, input: &'t [u8], decoder: &'t Decoder) -> Request<'t> {
        let seen = &self.requests[at];
        let bytes = &input[seen.start..seen.end];
        let args = match seen.spans {
            Some((first, last)) => Args::new(bytes, &self.spans[first..last]),
            None => decoder.args(bytes),
        };
        Request { args, found: seen.found, hash: seen.hash }
    }

    /// Where reading goes on once every request of the window has been handled.
    #[must_use]
    pub fn next(&self) -> usize {
        self.next
    }

    /// Where request `at` starts in the input, behind empty requests before it.
    #[must_use]
    pub fn start_of(&self, at: usize) -> usize {
        self.requests[at].start
    }

    /// Where request `at` ends in the input.
    #[inline]
    #[must_use]
    pub fn end_of(&self, at: usize) -> usize {
        self.requests[at].end
    }
}
