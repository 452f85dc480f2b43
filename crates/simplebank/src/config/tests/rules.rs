//! What an adopted file and a production server may and may not say.

use super::*;
use crate::store::Source;
use crate::store::postgres::PostgresLimits;

/// The file of a course's project, as people have it on their disks.
const ADOPTED: &str = "ENVIRONMENT=development\n\
    DB_SOURCE=postgresql://root:secret@localhost:5432/simple_bank?sslmode=disable\n\
    ALLOWED_ORIGINS=http://localhost:3000,https://simplebank.com\n\
    MIGRATION_URL=file://db/migration\n\
    HTTP_SERVER_ADDRESS=0.0.0.0:8080\n\
    GRPC_SERVER_ADDRESS=0.0.0.0:9090\n\
    TOKEN_SYMMETRIC_KEY=12345678901234567890123456789012\n\
    ACCESS_TOKEN_DURATION=15m\n\
    REFRESH_TOKEN_DURATION=24h\n\
    REDIS_ADDRESS=0.0.0.0:6379\n\
    EMAIL_SENDER_NAME=Simple Bank\n\
    EMAIL_SENDER_ADDRESS=simplebanktest@gmail.com\n\
    EMAIL_SENDER_PASSWORD=abcdefghijklmnop\n";

#[test]
fn adopted_file_starts_and_what_has_no_effect_is_said_in_one_line() {
    let config = good(&[], &[], ADOPTED);
    assert_eq!(config.mail.sender.to_string(), "Simple Bank <simplebanktest@gmail.com>");
    let Source::Postgres(postgres) = &config.store.source else { panic!("{:?}", config.store.source) };
    assert_eq!(postgres.to_string(), "localhost:5432/simple_bank");
    assert!(!format!("{config:?}").contains(":secret@"), "{config:?}");
    let expected = [
        "EMAIL_SENDER_PASSWORD has no effect: EMAIL_URL is a directory or has its own password",
        "without effect in this release: ALLOWED_ORIGINS (app.env:3), MIGRATION_URL (app.env:4), \
         ACCESS_TOKEN_DURATION (app.env:8), REFRESH_TOKEN_DURATION (app.env:9)",
    ];
    assert_eq!(config.notices, expected);
}

#[test]
fn data_never_goes_silently_elsewhere() {
    let file = "DB_SOURCE=postgresql://root:hunter2@localhost:5432/simple_bank?sslmod=disable\n";
    let expected = [
        "DB_SOURCE (app.env:1): expected postgresql://user:password@host:port/database: the parameter \"sslmod\" is \
         not supported",
    ];
    assert_eq!(faults(&[], &[], file), expected);
    good(&[], &[("DB_SOURCE", "")], file);
}

#[test]
fn the_bounds_on_postgres_and_the_way_around_its_pooler_are_read() {
    let file = "DB_SOURCE=postgres://u:p@pooler:6432/bank\nDB_DIRECT_SOURCE=postgres://u:p@db/bank\n\
                DB_POOL_SIZE=3\nDB_LOCK_TIMEOUT=250ms\n";
    let Source::Postgres(postgres) = good(&[], &[], file).store.source else {
        panic!("a Postgres was given")
    };
    assert_eq!(
        (&*postgres.to_string(), &*postgres.direct().to_string()),
        ("pooler:6432/bank", "db:5432/bank")
    );
    assert_eq!((postgres.limits.connections.get(), postgres.limits.lock), (3, Duration::from_millis(250)));
    assert_eq!(postgres.limits.statement, PostgresLimits::default().statement);

    let found = faults(&[], &[], "DB_DIRECT_SOURCE=sqlite:x\nDB_POOL_SIZE=0\nDB_ACQUIRE_TIMEOUT=0s\n");
    assert_eq!(found.len(), 3, "{found:?}");
    let notices = good(&[], &[], "DB_DIRECT_SOURCE=postgres://u:p@db/bank\nDB_POOL_SIZE=3\n").notices;
    assert_eq!(
        notices,
        ["without effect, because DB_SOURCE is not PostgreSQL: DB_DIRECT_SOURCE (app.env:1)"]
    );
}

#[test]
fn sender_and_password_log_in_where_the_url_names_nobody() {
    let relay = |file: &str| match good(&[], &[], &format!("{ADOPTED}{file}")).mail.destination {
        crate::mail::Destination::Relay(relay) => relay,
        other => panic!("{other:?}"),
    };
    let credentials = relay("EMAIL_URL=smtps://smtp.gmail.com").credentials.unwrap();
    assert_eq!(credentials.user, "simplebanktest@gmail.com");
    assert_eq!(credentials.password.expose(), "abcdefghijklmnop");
    assert_eq!(relay("EMAIL_URL=smtp://u:p@h\nEMAIL_TLS_CA=ca.pem").certificates, Some("ca.pem".into()));
}

/// What a production server needs at least.
const PRODUCTION: [(&str, &str); 5] = [
    ("ENVIRONMENT", "production"),
    ("TOKEN_SYMMETRIC_KEY", KEY),
    ("PUBLIC_BASE_URL", "https://bank.example"),
    ("EMAIL_URL", "smtps://u:p@mail.example"),
    ("EMAIL_SENDER_ADDRESS", "no-reply@bank.example"),
];

#[test]
fn production_starts_with_what_it_needs_and_hides_payloads() {
    let config = good(&[], &PRODUCTION, "");
    assert_eq!(config.notices, Vec::<String>::new());
    assert_eq!(config.log.task_payloads, TaskPayloads::Hidden);
    assert_eq!(good(&["--log-task-payloads=true"], &PRODUCTION, "").log.task_payloads, TaskPayloads::Shown);
}

#[test]
fn production_refuses_what_is_missing_or_unsafe() {
    let found = faults(&[], &[("ENVIRONMENT", "production"), ("EMAIL_URL", "smtps://mail.example")], "");
    let expected = [
        "PUBLIC_BASE_URL (not set): production needs it: the links in e-mails start with it",
        "EMAIL_SENDER_ADDRESS (not set): production needs it: e-mails are from this address",
        "TOKEN_SYMMETRIC_KEY (not set): production needs it: 32 bytes, as 32 ASCII characters or 64 hexadecimal \
         digits",
    ];
    assert_eq!(found, expected);
    let placeholder = "12345678901234567890123456789012";
    for (name, value, said) in [
        ("TOKEN_SYMMETRIC_KEY", placeholder, "is a placeholder"),
        ("TOKEN_PREVIOUS_KEYS", placeholder, "is a placeholder"),
        ("PASSWORD_HASH", "argon2id:m=8,t=1,p=1", "too cheap for production"),
    ] {
        let file = format!("{name}={value}");
        let rest: Vec<_> = PRODUCTION.into_iter().filter(|(other, _)| *other != name).collect();
        let found = faults(&[], &rest, &file);
        assert!(found.len() == 1 && found[0].starts_with(&format!("{name} (app.env:1): ")), "{found:?}");
        assert!(found[0].contains(said) && !found[0].contains(placeholder), "{found:?}");
        good(&[], &[], &file);
    }
}

#[test]
fn production_needs_of_a_role_only_what_the_role_uses() {
    let environment = [("ENVIRONMENT", "production")];
    assert_eq!(good(&["migrate", "up"], &environment, "").notices, Vec::<String>::new());
    assert_eq!(faults(&["serve"], &environment, "").len(), 1, "the token key");
    assert_eq!(faults(&["worker"], &environment, "").len(), 2, "the token key and the base URL");
}

#[test]
fn doubtful_choices_are_said_at_start() {
    let notices = |name, value| {
        let given = [(name, value)];
        let rest = PRODUCTION.into_iter().filter(|(other, _)| *other != name);
        good(&[], &rest.chain(given).collect::<Vec<_>>(), "").notices.join("\n")
    };
    let cases = [
        ("EMAIL_URL", "file:./mail", "EMAIL_URL: e-mails are only written to ./mail, nobody receives them"),
        ("PUBLIC_BASE_URL", "http://localhost", "PUBLIC_BASE_URL is an address of this machine"),
        ("PUBLIC_BASE_URL", "http://bank.example", "PUBLIC_BASE_URL is not https"),
        ("TASK_QUEUES", "default=5,critical=0", "TASK_QUEUE: this worker takes no tasks from critical"),
        ("EMAIL_SENDER_PASSWORD", "x", "EMAIL_SENDER_PASSWORD has no effect"),
    ];
    for (name, value, said) in cases {
        assert!(notices(name, value).starts_with(said), "{name}: {}", notices(name, value));
    }
    let ca = good(&[], &[("EMAIL_TLS_CA", "ca.pem")], "").notices;
    assert_eq!(ca, ["EMAIL_TLS_CA has no effect: EMAIL_URL asks for no encrypted connection"]);
}

#[test]
fn two_servers_do_not_share_an_address() {
    let found = faults(&["--grpc-server-address", "[::]:8080"], &[], "");
    assert_eq!(
        found,
        ["GRPC_SERVER_ADDRESS (flag --grpc-server-address): HTTP_SERVER_ADDRESS is [::]:8080 too"]
    );
    good(&["--grpc-server-address", "localhost:0", "--http-server-address", "localhost:0"], &[], "");
}
