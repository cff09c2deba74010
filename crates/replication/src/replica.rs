//! The replica's side of a link: greet, ask to go on, take the data set, then take the stream.

use crate::LinkError;
use std::collections::VecDeque;

/// Longest line of an answer.
const LINE_BYTES_MAX: usize = 4096;
/// Length of the mark behind a data set of unknown length.
const MARK_BYTES: usize = 40;

/// What a replica says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Greeting {
    /// User to log in as; empty for the default user.
    pub user: String,
    /// Password; empty to log in not at all.
    pub password: Vec<u8>,
    /// Port that the replica serves on.
    pub port: u16,
    /// Address that the replica is reached at; empty for where it connects from.
    pub ip: String,
    /// The history it has, and how many bytes of its stream; `None` to start anew.
    pub resume: Option<(String, u64)>,
}

/// What came from the primary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'i> {
    /// The whole data set follows; behind it comes the stream of `id` from `offset` on.
    Full {
        /// Name of the history.
        id: String,
        /// Bytes of the stream that the data set contains.
        offset: u64,
    },
    /// The data set begins; its length, when the primary knows it.
    Begin(Option<u64>),
    /// A part of the data set.
    Data(&'i [u8]),
    /// The data set is complete.
    End,
    /// The stream goes on where the replica asked.
    Continue {
        /// The history's name from here on, when it is another one.
        id: Option<String>,
    },
    /// A part of the stream.
    Stream(&'i [u8]),
}

/// One link, from the moment it is connected.
#[derive(Debug)]
pub struct Link {
    greeting: Greeting,
    step: Step,
    /// Bytes to send.
    out: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Waits for the answer to PING.
    Pong,
    /// Waits for the answers to what introduces the replica, in this order.
    Introduced(VecDeque<&'static str>),
    /// Waits for the answer to PSYNC.
    Asked,
    /// Waits for the length of the data set.
    Length,
    /// Takes a data set, of which so many bytes are to come.
    Counted(u64),
    /// Takes a data set that ends with this mark.
    Marked([u8; MARK_BYTES]),
    Stream,
}

const AUTH: &str = "AUTH";

impl Link {
    /// A link that has just been connected.
    #[must_use]
    pub fn new(greeting: Greeting) -> Self {
        let mut link = Self { greeting, step: Step::Pong, out: Vec::new() };
        link.send(&["PING"]);
        link
    }

    /// Takes what is to be sent.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Tells the primary how many bytes of the stream have been applied.
    pub fn acknowledge(&mut self, offset: u64) {
        self.send(&["REPLCONF", "ACK", &offset.to_string()]);
    }

    /// True once the stream flows.
    #[must_use]
    pub fn is_streaming(&self) -> bool {
        self.step == Step::Stream
    }

    /// Looks at the front of what has arrived: how many bytes are done with, and what they mean.
    /// `(0, None)` says that more must come first.
    ///
    /// # Errors
    /// [`LinkError`]: the link is over.
    pub fn receive<'i>(
        &mut self,
        input: &'i [u8],
    ) -> Result<(usize, Option<Event<'i>>), LinkError> {
        match &mut self.step {
            Step::Stream if input.is_empty() => Ok((0, None)),
            Step::Stream => Ok((input.len(), Some(Event::Stream(input)))),
            Step::Counted(0) => {
                self.step = Step::Stream;
                Ok((0, Some(Event::End)))
            }
            Step::Counted(left) => {
                let len = input.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= len as u64;
                Ok((len, (len > 0).then_some(Event::Data(&input[..len]))))
            }
            Step::Marked(mark) if input == mark => {
                self.step = Step::Stream;
                Ok((MARK_BYTES, Some(Event::End)))
            }
            Step::Marked(_) => {
                // The mark is the last thing that comes until the replica has acknowledged.
                let len = input.len().saturating_sub(MARK_BYTES);
                Ok((len, (len > 0).then_some(Event::Data(&input[..len]))))
            }
            _ => self.receive_line(input),
        }
    }

    fn receive_line<'i>(
        &mut self,
        input: &'i [u8],
    ) -> Result<(usize, Option<Event<'i>>), LinkError> {
        let Some(end) = input.iter().position(|byte| *byte == b'\n') else {
            return match input.len() {
                ..=LINE_BYTES_MAX => Ok((0, None)),
                _ => Err(unexpected("a line", &input[..64])),
            };
        };
        let line = input[..end].trim_ascii_end();
        // Lines without words only tell that the primary lives.
        let event = if line.is_empty() { None } else { self.answered(line)? };
        Ok((end + 1, event))
    }

    fn answered(&mut self, line: &[u8]) -> Result<Option<Event<'static>>, LinkError> {
        let text = || String::from_utf8_lossy(line).into_owned();
        match &mut self.step {
            Step::Pong => {
                // An error that only asks for a password is an answer, too.
                let asks = [&b"-NOAUTH"[..], b"-NOPERM", b"-ERR operation not permitted"];
                if line.starts_with(b"+") || asks.iter().any(|start| line.starts_with(start)) {
                    self.introduce();
                    return Ok(None);
                }
                Err(LinkError::Refused { step: "PING", reply: text() })
            }
            Step::Introduced(left) => {
                let step = left.pop_front().unwrap_or_default();
                let done = left.is_empty();
                if step == AUTH && line.starts_with(b"-") {
                    return Err(LinkError::Login { reply: text() });
                }
                if done {
                    self.ask();
                }
                Ok(None)
            }
            Step::Asked => self.placed(line),
            Step::Length => self.begun(line).map(Some),
            Step::Counted(_) | Step::Marked(_) | Step::Stream => {
                unreachable!("these steps do not take lines")
            }
        }
    }

    fn introduce(&mut self) {
        let Greeting { user, password, port, ip, .. } = self.greeting.clone();
        let mut due = VecDeque::new();
        if !password.is_empty() {
            let mut words = vec![AUTH.as_bytes()];
            if !user.is_empty() {
                words.push(user.as_bytes());
            }
            words.push(&password);
            self.send_bytes(&words);
            due.push_back(AUTH);
        }
        self.send(&["REPLCONF", "listening-port", &port.to_string()]);
        due.push_back("REPLCONF listening-port");
        if !ip.is_empty() {
            self.send(&["REPLCONF", "ip-address", &ip]);
            due.push_back("REPLCONF ip-address");
        }
        self.send(&["REPLCONF", "capa", "eof", "capa", "psync2"]);
        due.push_back("REPLCONF capa");
        self.step = Step::Introduced(due);
    }

    fn ask(&mut self) {
        self.step = Step::Asked;
        match self.greeting.resume.clone() {
            // The bytes of a stream are counted from 1.
            Some((id, offset)) => self.send(&["PSYNC", &id, &(offset + 1).to_string()]),
            None => self.send(&["PSYNC", "?", "-1"]),
        }
    }

    /// Reads the answer to PSYNC.
    fn placed(&mut self, line: &[u8]) -> Result<Option<Event<'static>>, LinkError> {
        let text = String::from_utf8_lossy(line).into_owned();
        let words: Vec<&str> = text.split(' ').collect();
        let id = |word: &str| (word.len() == MARK_BYTES).then(|| word.to_owned());
        match words[..] {
            ["+FULLRESYNC", name, offset] => {
                let offset = offset.parse::<u64>().ok();
                let Some((id, offset)) = id(name).zip(offset) else {
                    return Err(unexpected("a history and an offset", line));
                };
                self.step = Step::Length;
                Ok(Some(Event::Full { id, offset }))
            }
            ["+CONTINUE", ref name @ ..] if self.greeting.resume.is_some() => {
                self.step = Step::Stream;
                Ok(Some(Event::Continue { id: name.first().and_then(|name| id(name)) }))
            }
            ["-NOMASTERLINK" | "-LOADING" | "-BUSY", ..] => {
                Err(LinkError::NotReady { reply: text })
            }
            _ if line.starts_with(b"-") => Err(LinkError::Refused { step: "PSYNC", reply: text }),
            _ => Err(unexpected("an answer to PSYNC", line)),
        }
    }

    /// Reads the line in front of the data set.
    fn begun(&mut self, line: &[u8]) -> Result<Event<'static>, LinkError> {
        if line.starts_with(b"-") {
            let reply = String::from_utf8_lossy(line).into_owned();
            return Err(LinkError::Refused { step: "PSYNC", reply });
        }
        if let Some(mark) = line.strip_prefix(b"$EOF:") {
            let mark = mark.try_into().map_err(|_| unexpected("a mark of 40 bytes", line))?;
            self.step = Step::Marked(mark);
            return Ok(Event::Begin(None));
        }
        let digits = line.strip_prefix(b"$").and_then(|digits| std::str::from_utf8(digits).ok());
        let len = digits.and_then(|digits| digits.parse::<u64>().ok());
        let len = len.ok_or_else(|| unexpected("the length of the data set", line))?;
        self.step = Step::Counted(len);
        Ok(Event::Begin(Some(len)))
    }

    fn send(&mut self, words: &[&str]) {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        self.send_bytes(&words);
    }

    fn send_bytes(&mut self, words: &[&[u8]]) {
        self.out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
        for word in words {
            self.out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            self.out.extend_from_slice(word);
            self.out.extend_from_slice(b"\r\n");
        }
    }
}

fn unexpected(wanted: &'static str, line: &[u8]) -> LinkError {
    LinkError::Unexpected { wanted, line: line[..line.len().min(128)].escape_ascii().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789012345678901234567890123456789";

    fn sent(link: &mut Link) -> String {
        let text = String::from_utf8(link.take_output()).expect("commands are text");
        let words = text.split("\r\n").filter(|word| !word.starts_with(['*', '$']));
        words.collect::<Vec<_>>().join(" ").trim().to_owned()
    }

    /// Feeds `bytes` in pieces of `piece` bytes; gives the events as text.
    fn feed(link: &mut Link, bytes: &[u8], piece: usize) -> Result<String, LinkError> {
        let mut buffer = Vec::new();
        let mut told = String::new();
        let (mut data, mut stream) = (Vec::new(), Vec::new());
        for part in bytes.chunks(piece) {
            buffer.extend_from_slice(part);
            loop {
                let (consumed, event) = link.receive(&buffer)?;
                if consumed == 0 && event.is_none() {
                    break;
                }
                match event {
                    None => {}
                    Some(Event::Data(part)) => data.extend_from_slice(part),
                    Some(Event::Stream(part)) => stream.extend_from_slice(part),
                    Some(event) => told.push_str(&format!("{event:?}; ")),
                }
                buffer.drain(..consumed);
            }
        }
        assert!(buffer.len() <= MARK_BYTES);
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        Ok(format!("{told}data {} stream {}", text(&data), text(&stream)))
    }

    fn greeted(greeting: Greeting, answers: &[u8]) -> Link {
        let mut link = Link::new(greeting);
        assert_eq!(sent(&mut link), "PING");
        feed(&mut link, answers, 1).expect("it is greeted");
        link
    }

    #[test]
    fn greets_asks_and_takes_a_data_set_of_known_length() {
        let mut link = greeted(Greeting { port: 7, ..Greeting::default() }, b"\n+PONG\r\n");
        assert_eq!(sent(&mut link), "REPLCONF listening-port 7 REPLCONF capa eof capa psync2");
        feed(&mut link, b"+OK\r\n-ERR what\r\n", 3).expect("an old primary may not know it all");
        assert_eq!(sent(&mut link), "PSYNC ? -1");
        for piece in [1, 3, 1000] {
            let mut link = Link { step: Step::Asked, ..Link::new(Greeting::default()) };
            let text = format!("\n+FULLRESYNC {ID} 17\r\n\n$5\r\n12345*1\r\n");
            let told = feed(&mut link, text.as_bytes(), piece).expect("it is right");
            let full = format!("Full {{ id: \"{ID}\", offset: 17 }}");
            assert_eq!(told, format!("{full}; Begin(Some(5)); End; data 12345 stream *1\\r\\n"));
            assert!(link.is_streaming());
        }
    }

    #[test]
    fn takes_a_data_set_that_ends_with_a_mark() {
        for piece in [1, 7, 39, 40, 41, 1000] {
            let mut link = Link { step: Step::Length, ..Link::new(Greeting::default()) };
            let text = format!("$EOF:{ID}\r\nREDIS{}data{ID}", &ID[..39]);
            let told = feed(&mut link, text.as_bytes(), piece).expect("it is right");
            assert_eq!(told, format!("Begin(None); End; data REDIS{}data stream ", &ID[..39]));
            let told = feed(&mut link, b"*1\r\n", piece).expect("it is right");
            assert_eq!(told, "data  stream *1\\r\\n");
        }
    }

    #[test]
    fn logs_in_and_goes_on() {
        let greeting = Greeting {
            user: "me".into(),
            password: "pw".into(),
            port: 7,
            ip: "1.2.3.4".into(),
            resume: Some((ID.into(), 100)),
        };
        let mut link = greeted(greeting.clone(), b"-NOAUTH Authentication required.\r\n");
        let port = "REPLCONF listening-port 7 REPLCONF ip-address 1.2.3.4";
        let want = format!("AUTH me pw {port} REPLCONF capa eof capa psync2");
        assert_eq!(sent(&mut link), want);
        feed(&mut link, b"+OK\r\n+OK\r\n+OK\r\n+OK\r\n", 100).expect("it is admitted");
        assert_eq!(sent(&mut link), format!("PSYNC {ID} 101"));
        let told = feed(&mut link, b"+CONTINUE\r\n*1\r\n", 100).expect("it goes on");
        assert_eq!(told, "Continue { id: None }; data  stream *1\\r\\n");
        link.acknowledge(104);
        assert_eq!(sent(&mut link), "REPLCONF ACK 104");
        let greeting = Greeting { user: String::new(), ..greeting };
        let mut link = greeted(greeting, b"+PONG\r\n");
        assert!(sent(&mut link).starts_with("AUTH pw REPLCONF"));
    }

    #[test]
    fn a_binary_password_is_sent_byte_for_byte() {
        let password = b"a\0\r\n\xff\xfe".to_vec();
        let mut link = greeted(Greeting { password, ..Greeting::default() }, b"+PONG\r\n");
        let sent = link.take_output();
        assert!(sent.starts_with(b"*2\r\n$4\r\nAUTH\r\n$6\r\na\0\r\n\xff\xfe\r\n*3"));
    }

    #[test]
    fn what_ends_a_link_is_named() {
        let asked = |resume| Link {
            step: Step::Asked,
            ..Link::new(Greeting { resume, ..Greeting::default() })
        };
        let going_on = || asked(Some((ID.to_owned(), 1)));
        let mut told = feed(&mut going_on(), format!("+CONTINUE {ID}\r\n").as_bytes(), 9);
        assert_eq!(told, Ok(format!("Continue {{ id: Some(\"{ID}\") }}; data  stream ")));
        for (mut link, answer, want) in [
            (Link::new(Greeting::default()), "-ERR x", "refuses PING: -ERR x"),
            (asked(None), "-NOMASTERLINK x", "is not ready: -NOMASTERLINK x"),
            (asked(None), "-LOADING x", "is not ready: -LOADING x"),
            (asked(None), "-ERR x", "refuses PSYNC: -ERR x"),
            (asked(None), "+CONTINUE", "sent \"+CONTINUE\""),
            (asked(None), "+FULLRESYNC x 1", "sent \"+FULLRESYNC x 1\""),
            (asked(None), "HTTP/1.1 400", "sent \"HTTP/1.1 400\""),
        ] {
            told = feed(&mut link, format!("{answer}\r\n").as_bytes(), 100);
            let told = told.as_ref().map_err(ToString::to_string);
            assert!(told.as_ref().is_err_and(|why| why.contains(want)), "{told:?}");
        }
        let password = Greeting { password: "x".into(), ..Greeting::default() };
        let mut link = greeted(password, b"+PONG\r\n");
        told = feed(&mut link, b"-WRONGPASS x\r\n", 100);
        let why = told.expect_err("the password is wrong").to_string();
        assert_eq!(why, "Unable to AUTH to MASTER: -WRONGPASS x");
        let mut link = Link { step: Step::Length, ..Link::new(Greeting::default()) };
        assert!(feed(&mut link, b"$x\r\n", 100).is_err());
        assert!(feed(&mut Link::new(Greeting::default()), &[b'x'; 5000], 5000).is_err());
    }
}
