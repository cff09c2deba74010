//! Verbs against a scripted API: what is sent, what is printed, how errors look, and the help.

use super::*;
use crate::sign;
use crate::testing::{Api, Reply, Seen, header, no, ok, terminal};
use clap::{CommandFactory, Parser};

#[derive(Debug, Parser)]
#[command(name = "larder")]
struct Larder {
    #[command(subcommand)]
    command: Top,
}

#[derive(Debug, Subcommand)]
enum Top {
    /// Work with instances
    Instance {
        #[command(subcommand)]
        command: InstanceCommand,
    },
    Configure(ConfigureCommand),
    BackupState(BackupCommand),
}

struct Outcome {
    result: Result<(), Error>,
    out: String,
    err: String,
    seen: Vec<Seen>,
}

fn parse(line: &str) -> Command {
    match Larder::try_parse_from(line.split_whitespace()).unwrap().command {
        Top::Instance { command } => Command::Instance(command),
        Top::Configure(command) => Command::Configure(command),
        Top::BackupState(command) => Command::BackupState(command),
    }
}

fn run_with(line: &str, script: Vec<Reply>, input: &str, tty: bool) -> Outcome {
    let api = Api::serve(script);
    let (mut terminal, out, err) = terminal(api.env(), input, tty);
    let result = execute(parse(&format!("larder instance {line}")), &mut terminal);
    if let Err(error) = &result {
        terminal.explain(error);
    }
    Outcome { result, out: out.text(), err: err.text(), seen: api.finish() }
}

fn run(line: &str, script: Vec<Reply>) -> Outcome {
    run_with(line, script, "", false)
}

fn attribute(status: &str) -> Reply {
    let instance = format!(
        r#"{{"InstanceId":"r-1","InstanceStatus":"{status}",
            "ConnectionDomain":"127.0.0.1","Port":6379}}"#
    );
    let body = format!(r#"{{"Instances":{{"DBInstanceAttribute":[{instance}]}},"RequestId":"R"}}"#);
    ok("DescribeInstanceAttribute", &body)
}

const CREATED: &str = r#"{"InstanceId":"r-1","InstanceStatus":"Creating","RequestId":"R"}"#;
const EMPTY: &str = r#"{"RequestId":"R"}"#;

#[test]
fn create_waits_allows_and_prints_the_final_attributes() {
    let script = vec![
        ok("CreateInstance", CREATED),
        attribute("Creating"),
        no("DescribeInstanceAttribute", 503, "ServiceUnavailable"),
        attribute("Normal"),
        ok("ModifySecurityIps", EMPTY),
        attribute("Normal"),
    ];
    let line = "create --name a --capacity 1024 --password-stdin --port 7001 --token t \
                --allow 10.0.0.1,10.0.0.2 --wait -o json";
    let got = run_with(line, script, "Secret_1\n", false);
    got.result.unwrap();
    assert_eq!(
        got.seen[0].body,
        "RegionId=larder-local-1&Token=t&InstanceType=Redis&EngineVersion=7.0&Capacity=1024&\
         InstanceName=a&Port=7001&Password=Secret_1"
    );
    assert_eq!(got.seen[4].body, "InstanceId=r-1&SecurityIps=10.0.0.1%2C10.0.0.2");
    let value: serde_json::Value = serde_json::from_str(&got.out).unwrap();
    assert_eq!(value["Port"], 6379);
    assert_eq!(value["InstanceStatus"], "Normal");
    assert!(got.err.contains("r-1 is being created"), "{}", got.err);
}

#[test]
fn requests_are_signed_over_what_was_sent() {
    let got = run("create", vec![ok("CreateInstance", CREATED)]);
    let Seen { head, body } = &got.seen[0];
    assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
    assert!(body.contains("InstanceClass=redis.shard.small.2.ce"), "{body}");
    let authorization = header(head, "authorization").unwrap();
    let names = authorization.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap();
    let headers: Vec<(&str, &str)> =
        names.split(';').map(|name| (name, header(head, name).unwrap())).collect();
    assert!(["host", "x-acs-content-sha256"].iter().all(|n| headers.iter().any(|h| h.0 == *n)));
    let request = sign::Request {
        method: "POST",
        path: "/",
        query: &[],
        headers: &headers,
        body: body.as_bytes(),
    };
    assert_eq!(authorization, sign::authorization(&request, "AK", "SK"));
    assert!(got.out.contains("Instance  r-1"), "{}", got.out);
}

#[test]
fn logs_end_with_the_newest_row() {
    let check = |line: &str, action: &'static str, body: &str, sent: &str, want: &str| {
        let got = run(line, vec![ok(action, body)]);
        got.result.unwrap();
        assert!(got.seen[0].body.contains(sent), "{}", got.seen[0].body);
        assert_eq!(got.out, want, "{line}");
        assert!(got.err.contains(" of 5 rows"), "{}", got.err);
    };
    let running = r#"{"TotalRecordCount":5,"Items":{"LogRecords":[
        {"CreateTime":"T2","Content":"T2 late"},{"CreateTime":"T1","Content":"T1 early"}]}}"#;
    let times = "StartTime=2026-11-22T11%3A52%3A19Z&EndTime=2026-11-22T12%3A52%3A19Z";
    let action = "DescribeRunningLogRecords";
    check("logs r-1", action, running, times, "T1 early\nT2 late\n");
    check("logs r-1 --lines 1", action, running, "PageSize=100", "T2 late\n");
    let slow = r#"{"TotalRecordCount":5,"Items":{"LogRecords":[{"ExecuteTime":"T","ElapsedTime":7,
        "AccountName":"default","IPAddress":"10.0.0.1:5","Command":"KEYS *"}]}}"#;
    let want = "T  7 us  default  10.0.0.1:5  KEYS *\n";
    let line = "logs r-1 --log slow --contains keys";
    check(line, "DescribeSlowLogRecords", slow, "QueryKeyword=keys", want);
    let audit = r#"{"TotalRecordCount":5,"Items":{"SQL":[{"ExecuteTime":"T","AccountName":"a",
        "HostAddress":"h","DatabaseName":"0","SQLText":"SET k"}]}}"#;
    let line = "logs r-1 --log audit --contains set";
    check(line, "DescribeAuditRecords", audit, "QueryKeywords=set", "T  a  h  0  SET k\n");
}

#[test]
fn list_is_a_table_or_the_answer() {
    let body = r#"{"Instances":{"KVStoreInstance":[{"InstanceId":"r-1","InstanceName":"a",
        "InstanceStatus":"Normal","InstanceClass":"c","Capacity":1024,"EngineVersion":"7.0",
        "ConnectionDomain":"h","Port":6379,"CreateTime":"T"}]},"TotalCount":2}"#;
    let table = run("list --search a", vec![ok("DescribeInstances", body)]);
    assert_eq!(
        table.out,
        "INSTANCE  NAME  STATUS  CLASS  MEMORY  ENGINE  ENDPOINT  CREATED\n\
         r-1       a     Normal  c      1 GiB   7.0     h:6379    T\n"
    );
    assert!(table.err.contains("1 of 2"), "{}", table.err);
    assert!(table.seen[0].body.ends_with("&SearchKey=a"), "{}", table.seen[0].body);
    let json = run("list -o json", vec![ok("DescribeInstances", body)]);
    let value: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(value["TotalCount"], 2);
}

#[test]
fn show_survives_a_node_that_does_not_answer() {
    let groups = r#"{"SecurityIpGroups":{"SecurityIpGroup":[{"SecurityIpGroupName":"default",
        "SecurityIpList":"10.0.0.1,10.0.0.2"}]}}"#;
    let live = r#"{"InstanceId":"r-1","Status":{"UsedMemoryBytes":1048576,"MaxmemoryBytes":2097152,
        "KeyspaceHits":3,"KeyspaceMisses":1,"UptimeMs":61000},
        "Clients":[{"Address":"10.0.0.1:5","Command":"get","AgeS":5,"IdleS":0}]}"#;
    let full = |last| vec![attribute("Normal"), ok("DescribeSecurityIps", groups), last];
    let got = run("show r-1", full(ok("LarderDescribeInstanceLive", live)));
    for part in
        ["127.0.0.1:6379", "10.0.0.1, 10.0.0.2", "1 MiB of 2 MiB", "75 % of 4", "10.0.0.1:5"]
    {
        assert!(got.out.contains(part), "{part} in {}", got.out);
    }
    let down = full(no("LarderDescribeInstanceLive", 503, "ServiceUnavailable"));
    let got = run("show r-1", down);
    assert!(got.out.contains("No live figures"), "{}", got.out);
}

#[test]
fn allow_sends_mode_and_group() {
    let script = || vec![ok("ModifySecurityIps", EMPTY), ok("DescribeSecurityIps", EMPTY)];
    let rows = [
        (
            "allow r-1 1.1.1.1 2.2.2.2",
            "SecurityIps=1.1.1.1%2C2.2.2.2&SecurityIpGroupName=default&ModifyMode=Cover",
        ),
        (
            "allow r-1 1.1.1.1 --mode append --group g",
            "SecurityIps=1.1.1.1&SecurityIpGroupName=g&ModifyMode=Append",
        ),
        (
            "allow r-1 1.1.1.1,2.2.2.2 --mode delete",
            "SecurityIps=1.1.1.1%2C2.2.2.2&SecurityIpGroupName=default&ModifyMode=Delete",
        ),
    ];
    for (line, body) in rows {
        assert_eq!(run(line, script()).seen[0].body, format!("InstanceId=r-1&{body}"), "{line}");
    }
}

#[test]
fn passwd_takes_the_password_from_standard_input() {
    let got = run_with(
        "passwd r-1 --password-stdin",
        vec![ok("ResetAccountPassword", EMPTY)],
        "New_pass1\r\n",
        false,
    );
    assert_eq!(got.seen[0].body, "InstanceId=r-1&AccountName=r-1&AccountPassword=New_pass1");
    let none = run("passwd r-1", vec![]);
    assert_eq!(none.result.unwrap_err().kind(), crate::Kind::Usage);
}

#[test]
fn restart_waits_for_normal() {
    let script = vec![ok("RestartInstance", EMPTY), attribute("Rebooting"), attribute("Normal")];
    let got = run("restart r-1 --wait", script);
    assert_eq!(got.out, "r-1 was restarted.\n");
    assert!(run("restart r-1", vec![ok("RestartInstance", EMPTY)]).out.contains("is restarting"));
}

#[test]
fn delete_asks_a_person_and_demands_yes_of_a_script() {
    let none = r#"{"Instances":{"KVStoreInstance":[]}}"#;
    let kept = r#"{"Instances":{"KVStoreInstance":[{"DestroyTime":"2026-11-29T12:00:00Z"}]}}"#;
    let gone = |bin: Reply| {
        vec![
            ok("DeleteInstance", EMPTY),
            attribute("Normal"),
            no("DescribeInstanceAttribute", 404, "InvalidInstanceId.NotFound"),
            bin,
        ]
    };
    let back = "r-1 is deleted. Until 2026-11-29T12:00:00Z it can be brought back: larder instance \
                recover r-1\n";
    for (bin, expected) in [
        (ok("DescribeInstances", none), "r-1 is deleted.\n"),
        (ok("DescribeInstances", kept), back),
        (no("DescribeInstances", 403, "NoPermission"), "r-1 is deleted.\n"),
    ] {
        assert_eq!(run("delete r-1 --yes --wait", gone(bin)).out, expected);
    }
    let script = vec![ok("DeleteInstance", EMPTY), ok("DescribeInstances", kept)];
    let typed = run_with("delete r-1", script, "r-1\n", true);
    assert!(typed.out.contains("is being deleted") && typed.out.contains("recover r-1"));
    assert!(typed.result.is_ok() && typed.err.contains("Type its id"), "{}", typed.err);
    let wrong = run_with("delete r-1", vec![], "r-2\n", true);
    assert!(wrong.err.contains("nothing was deleted"), "{}", wrong.err);
    let script = run("delete r-1", vec![]);
    assert!(script.err.contains("hint: add --yes"), "{}", script.err);
}

#[test]
fn errors_carry_kind_and_hint() {
    let rows = [
        (no("DeleteInstance", 400, "SignatureDoesNotMatch"), 4, "LARDER_ACCESS_KEY_ID"),
        (no("DeleteInstance", 404, "InvalidInstanceId.NotFound"), 5, "instance list"),
        (no("DeleteInstance", 403, "IncorrectDBInstanceState"), 1, "request id REQ-1"),
        (
            Reply { action: "DeleteInstance", status: 404, body: "<html>".into() },
            3,
            "address of a Larder API",
        ),
    ];
    for (reply, exit_code, word) in rows {
        let got = run("delete r-1 --yes", vec![reply]);
        assert_eq!(got.result.unwrap_err().kind().exit_code(), exit_code);
        assert!(got.err.starts_with("error: ") && got.err.contains(word), "{}", got.err);
    }
}

#[test]
fn nobody_listening_is_a_connection_error() {
    let api = Api::serve(vec![]);
    let env = api.env();
    api.finish();
    let (mut terminal, _, _) = terminal(env, "", false);
    let error = execute(parse("larder instance list"), &mut terminal).unwrap_err();
    assert_eq!(error.kind(), crate::Kind::Connection);
    assert!(error.hints()[0].contains("larder up"), "{error}: {:?}", error.hints());
}

#[test]
fn a_wait_ends_at_its_deadline() {
    let mut script = vec![ok("RestartInstance", EMPTY)];
    script.extend((0..7).map(|_| attribute("Rebooting")));
    // Six pauses of 200 ms pass one second.
    let got = run("restart r-1 --wait --wait-timeout 1", script.into_iter().take(7).collect());
    let error = got.result.unwrap_err();
    assert_eq!(error.to_string(), "wait for r-1: it was still Rebooting after 1 s");
    assert_eq!(error.kind(), crate::Kind::Timeout);
}

#[test]
fn configure_keeps_what_it_was_told() {
    let folder = crate::testing::Folder::new("configure");
    let home = folder.path("").display().to_string();
    let (mut terminal, _, err) = terminal(vec![("XDG_CONFIG_HOME", home)], "SECRET\n", false);
    let command = parse("larder configure --api 127.0.0.1:1 --access-key-id AK");
    execute(command, &mut terminal).unwrap();
    let stored = crate::profile::read(&folder.path("larder/profile.json")).unwrap();
    assert_eq!((&*stored.api, &*stored.access_key_secret), ("http://127.0.0.1:1", "SECRET"));
    assert!(!err.text().contains("SECRET"), "{}", err.text());
}

#[test]
fn the_table_and_the_command_line_agree() {
    let command = Larder::command();
    let instance = command.find_subcommand("instance").unwrap();
    let names: Vec<&str> = instance.get_subcommands().map(clap::Command::get_name).collect();
    let rows: Vec<&str> = VERBS.iter().map(|verb| verb.name).collect();
    assert_eq!(names, rows);
    for verb in VERBS {
        assert!(!verb.actions.is_empty());
        let line = format!("larder instance {}", verb.example);
        assert!(Larder::try_parse_from(line.split_whitespace()).is_ok(), "{line}");
    }
    Larder::command().debug_assert();
}

#[test]
fn help_is_as_reviewed() {
    let mut text = String::new();
    let command = Larder::command();
    for path in [vec!["instance"], vec!["configure"]]
        .into_iter()
        .chain(VERBS.iter().map(|verb| vec!["instance", verb.name]))
    {
        let mut node = command.clone();
        for name in &path {
            node = node.find_subcommand(name).unwrap().clone();
        }
        let mut node = node.bin_name(format!("larder {}", path.join(" "))).term_width(100);
        text.push_str(&format!("$ larder {} --help\n{}\n", path.join(" "), node.render_help()));
    }
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/verbs/help.txt");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let reviewed = std::fs::read_to_string(&file).unwrap();
    assert!(text == reviewed, "help changed; review it with UPDATE_SNAPSHOTS=1 and git diff");
}

#[test]
fn set_calls_only_what_was_asked_for() {
    let rows = [
        ("--name a", vec!["InstanceId=r-1&InstanceName=a"]),
        ("--protect true", vec!["InstanceId=r-1&InstanceReleaseProtection=true"]),
        (
            "--name a --window 01:00Z-03:00Z",
            vec![
                "InstanceId=r-1&InstanceName=a",
                "InstanceId=r-1&MaintainStartTime=01%3A00Z&MaintainEndTime=03%3A00Z",
            ],
        ),
        (
            "--window 01:00Z-03:00Z",
            vec!["InstanceId=r-1&MaintainStartTime=01%3A00Z&MaintainEndTime=03%3A00Z"],
        ),
    ];
    for (flags, bodies) in rows {
        let named = |body: &&str| if body.contains("Maintain") { "Time" } else { "Attribute" };
        let script = bodies.iter().map(|body| match named(body) {
            "Time" => ok("ModifyInstanceMaintainTime", EMPTY),
            _ => ok("ModifyInstanceAttribute", EMPTY),
        });
        let got = run(&format!("set r-1 {flags}"), script.collect());
        got.result.unwrap();
        let seen: Vec<_> = got.seen.iter().map(|seen| seen.body.as_str()).collect();
        assert_eq!(seen, bodies, "{flags}");
    }
    let nothing = Larder::try_parse_from(["larder", "instance", "set", "r-1"]);
    assert!(nothing.unwrap_err().to_string().contains("--name"));
}

#[test]
fn tasks_are_a_table() {
    let body = r#"{"Items":[{"TaskId":"t-1","TaskType":"RestartIns","InstanceId":"r-1",
        "Status":"Scheduled","Progress":0,"CurrentStepName":"save_and_stop_node",
        "StartTime":"S","EndTime":""}],"TotalCount":2}"#;
    let got = run("tasks r-1 --status Scheduled", vec![ok("DescribeHistoryTasks", body)]);
    got.result.unwrap();
    assert!(got.seen[0].body.ends_with("InstanceId=r-1&Status=Scheduled"), "{}", got.seen[0].body);
    let words: Vec<_> = got.out.split_whitespace().collect();
    let row = ["t-1", "RestartIns", "r-1", "Scheduled", "0", "%", "save_and_stop_node", "S"];
    assert_eq!(words[8..], row, "{}", got.out);
    assert!(got.err.contains("1 of 2 tasks"), "{}", got.err);
}

#[test]
fn restart_in_the_window_names_its_task() {
    let answer = r#"{"InstanceId":"r-1","TaskId":"t-1","RequestId":"R"}"#;
    let got = run("restart r-1 --in-window", vec![ok("RestartInstance", answer)]);
    got.result.unwrap();
    assert_eq!(got.seen[0].body, "InstanceId=r-1&EffectiveTime=MaintainTime");
    assert!(got.out.contains("task t-1"), "{}", got.out);
}

#[test]
fn resize_says_which_task() {
    let answer = r#"{"OrderId":"t-1","RequestId":"R"}"#;
    let got = run("resize r-1 --class c", vec![ok("ModifyInstanceSpec", answer)]);
    got.result.unwrap();
    assert_eq!(got.seen[0].body, "InstanceId=r-1&InstanceClass=c&EffectiveTime=Immediately");
    assert!(got.out.contains("task t-1"), "{}", got.out);
}
