//! Lines of commands, or of their numbers, that tools do not draw at random: a call would end a
//! connection, stop a server or say something about one server only. `super` says how to read them.

/// All lines.
pub const OTHERS: &[&str] = &[
    // The connection.
    "client|kill (ID number|^MAXAGE number) -> int ~ shape",
    "client|no-touch (ON|OFF) -> status",
    "client|pause ms (WRITE|ALL) -> status",
    "client|reply ON -> status",
    "client|setinfo (LIB-NAME|LIB-VER) value -> status",
    "client|tracking (ON|OFF) [REDIRECT number] [BCAST] [NOLOOP] -> status",
    "hello [number] [SETNAME value] -> array ~ shape",
    "quit -> status",
    "wait number number -> int",
    // Scripts.
    "script|debug (YES|SYNC|NO) -> status",
    // The server.
    "bgsave [SCHEDULE] -> status",
    "command|getkeys (EVAL script #key|ZUNION #key|LMPOP #key LEFT|ZINTERSTORE key #key\
     |BZMPOP number #key MIN) -> array",
    "debug (SET-ACTIVE-EXPIRE number|PAUSE-CRON number|SLEEP seconds|POPULATE count value count\
     |STRINGMATCH-LEN pattern value|QUICKLIST-PACKED-THRESHOLD number\
     |REPLYBUFFER PEAK-RESET-TIME number) -> status ~ shape",
    "psync value number -> status",
    "replconf (ACK number|LISTENING-PORT number|CAPA value|RDB-ONLY number) -> status",
    "replicaof (NO ONE|host number) -> status",
    "shutdown [NOSAVE|SAVE] [NOW] [FORCE] [ABORT] -> status",
    "slaveof (NO ONE|host number) -> status",
];
