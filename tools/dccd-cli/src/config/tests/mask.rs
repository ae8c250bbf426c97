use super::super::mask::{holds_secret, masked};
use super::parse;

#[test]
fn passwords_inside_of_values_are_stars() {
    let check = |text: &str, expected: &str, is_secret: bool| {
        assert_eq!((masked(text).as_str(), holds_secret(text)), (expected, is_secret), "{text}");
    };
    for open in ["http://127.0.0.1:1", "https://a.b/c?d=e,f", "nas:x", ":local:/x", "BTC,ETH/USDT", "a@b", "", "ü:,"] {
        check(open, open, false);
    }
    check("http://user:PASS@proxy:1/x", "http://***@proxy:1/x", true);
    check("https://TOKEN@proxy", "https://***@proxy", true);
    check("http://user:p/a@ss@proxy", "http://***@proxy", true);
    check("user:PASS@proxy:1", "***@proxy:1", true);
    let remote = ":s3,access_key_id=A,secret_access_key=B:bucket/x";
    check(remote, ":s3,access_key_id=***,secret_access_key=***:bucket/x", true);
    check("nas,pass=\"a\"\",b:c\",x=1:f,g=h", "nas,pass=***,x=***:f,g=h", true);
    check("nas,pass='a:b", "nas,pass=***", true);
    check(":webdav,url='https://u:p@h':", ":webdav,url=***:", true);
    check(":s3,provider=AWS,env_auth=true,no_check:b", ":s3,provider=***,env_auth=***,no_check:b", false);
}

#[test]
fn what_others_can_read_is_told() {
    let warnings = |text: &str| {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("config.yml");
        std::fs::write(&path, text).expect("a file");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(&path, mode).expect("a mode");
        let config = super::Config::parse(&path, text).expect("a configuration");
        config.warnings().concat().replace(&path.display().to_string(), "FILE")
    };
    let url =
        "exchanges: {okx: {ws_url: 'wss://u:p@h'}, binance: {rest_url: 'http://u:p@h', archive_url: 'http://h'}}\n";
    let remotes = "storage: {remotes: [{remote: 'nas:x'}, {remote: ':s3,secret_access_key=B:b'}]}\n";
    let expected = "others can read FILE, which holds remotes and exchanges.binance.rest_url and exchanges.okx.ws_url: \
                    chmod o-r FILE";
    assert_eq!(warnings(&format!("{url}{remotes}")), expected);
    let token = "settings: {ui_auth_token: abc}\n";
    let expected =
        "others can read FILE, which holds ui_auth_token and remotes: chmod o-r FILE, or name a *_file instead";
    assert_eq!(warnings(&format!("{token}{remotes}")), expected);
    assert_eq!(warnings("exchanges: {okx: {ws_url: 'wss://h'}}\n"), "");
    assert_eq!(parse(remotes).storage.remotes, ["nas:x", ":s3,secret_access_key=B:b"], "only what is shown is masked");
}
