//! The image of a container: built from nothing, healthy, and graceful at the end.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use dccd_tests::{PATIENCE, Running, Scratch, Signal, Sim, find_command, of_kind, run, skip};
use rustix::process::{Pid, kill_process};
use serde_json::Value;

use super::make::{is_root, output, says, script};

/// With this `scripts/package` says that the machine lacks something.
const UNAVAILABLE: i32 = 69;
/// Nobody of this number is known in the image.
const USER: &str = "12345";
const LOOK: Duration = Duration::from_millis(200);

/// Runs a command in the root $1 as a container does: read-only but for its volumes, which are in $2, as the user $3, and
/// with nothing else of the host's but the network.
const IN_CONTAINER: &str = r#"set -eu
root=$1
mounts=$2
user=$3
shift 3
mount --bind "$root" "$root"
mount -o remount,ro,bind "$root"
# As a container engine gives it, empty of what is below.
mount -t tmpfs tmpfs "$root/dev"
for device in null zero urandom; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mount --bind "$mounts/data" "$root/data"
mount --bind "$mounts/tmp" "$root/tmp"
mount --bind "$mounts/config.yml" "$root/etc/dccd/config.yml"
mount -t proc proc "$root/proc"
exec chroot --userspec="$user:0" "$root" env -i "$@"
"#;

/// Buildah with a storage of its own.
struct Buildah {
    storage: PathBuf,
}

impl Buildah {
    fn flags(&self) -> [String; 6] {
        let folder = |name: &str| self.storage.join(name).display().to_string();
        ["--root", &folder("root"), "--runroot", &folder("run"), "--storage-driver", "vfs"].map(str::to_owned)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("buildah");
        command.args(self.flags()).args(args);
        command
    }
}

impl Drop for Buildah {
    fn drop(&mut self) {
        let _ = run(&mut self.command(&["umount", "--all"]), "");
        let _ = std::fs::remove_dir_all(&self.storage);
    }
}

#[test]
fn it_runs_healthy_and_ends_in_good_order() {
    let what = "the image of a container";
    if !is_root(what) {
        return;
    }
    if let Some(missing) = ["buildah", "unshare", "nsenter"].into_iter().find(|name| find_command(name).is_none()) {
        return skip(what, &format!("{missing} is not installed"));
    }
    let Some(buildah) = build(what) else { return };
    let image: Value =
        serde_json::from_str(&says(&mut buildah.command(&["inspect", "--type", "image", "dccd:latest"])))
            .expect("buildah inspects in JSON");
    let config = &image["Docker"]["config"];
    let words = |name: &str| -> Vec<String> {
        let words = config[name].as_array().unwrap_or_else(|| panic!("the image has no {name}: {config}"));
        words.iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
    };
    assert_eq!(config["User"], "10001:0");
    assert!(config["Volumes"].get("/data").is_some(), "{config}");
    let name = says(&mut buildah.command(&["from", "--pull-never", "dccd:latest"]));
    let root = says(&mut buildah.command(&["mount", name.trim()]));

    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &["--trades-per-day", "400000"]);
    let mounts = mounts(&scratch, &sim);
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]);
    command.args(["sh", "-c", IN_CONTAINER, "sh", root.trim()]).arg(&mounts).arg(USER);
    command.args(words("Env")).args(words("Entrypoint")).args(words("Cmd"));
    let mut running = Running::start(&mut command);
    let Some(first) = first_process(&running) else { panic!("nothing was started: {:?}", running.kill()) };

    let health = &config["Healthcheck"]["Test"];
    let health: Vec<&str> = health.as_array().expect("a check").iter().filter_map(Value::as_str).collect();
    let (form, health) = health.split_first().expect("a check has words");
    assert_eq!(*form, "CMD");
    let check = || {
        let mut check = Command::new("nsenter");
        check.args(["--target", &first.as_raw_pid().to_string(), "--mount", "--pid", "--root", "--wd"]);
        check.args(["--setuid", USER, "--setgid", "0", "env", "-i"]).args(words("Env")).args(health);
        run(&mut check, "")
    };
    let begun = Instant::now();
    loop {
        let checked = check();
        if checked.status == 0 {
            break;
        }
        if begun.elapsed() > PATIENCE {
            kill_process(first, Signal::KILL).expect("it runs");
            panic!("it is never healthy: {checked:?}\n{:?}", running.finish());
        }
        thread::sleep(LOOK);
    }

    kill_process(first, Signal::TERM).expect("it runs");
    let ended = running.wait();
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    // What came is in the store, and nothing waits in a journal for the next writer.
    let store = mounts.join("data").display().to_string();
    let mut read = scratch.tool("dccd-read");
    read.args(["binance", "BTC/USDT", "--kind", "trade", "--data-path", &store]);
    let lines = run(&mut read, "").expect(0).lines();
    assert!(of_kind(&lines, "covered").count() > 0, "nothing is covered");
    let inventory = run(scratch.tool("dccd-inventory").args(["--data-path", &store]), "").expect(0).text();
    assert!(inventory.contains("candle"), "{inventory}");
}

/// Builds the image; without what that takes the test is skipped aloud.
fn build(what: &str) -> Option<Buildah> {
    let buildah = Buildah { storage: output("image-storage") };
    let _ = std::fs::remove_dir_all(&buildah.storage);
    let mut script = script("image");
    script.env("DCCD_BUILDAH", format!("buildah {}", buildah.flags().join(" ")));
    let built = script.args(["--profile", "quick", "image"]).output().expect("nice can be started");
    let messages = String::from_utf8_lossy(&built.stderr);
    match built.status.code() {
        Some(0) => {}
        Some(UNAVAILABLE) => {
            skip(what, messages.trim_end());
            return None;
        }
        status => panic!("scripts/package image ends with {status:?}:\n{messages}"),
    }
    Some(buildah)
}

/// What a user mounts: a configuration, and two volumes that the group may write to.
fn mounts(scratch: &Scratch, sim: &Sim) -> PathBuf {
    let (rest, live) = (sim.url(), sim.url().replacen("http", "ws", 1));
    let jobs = "histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 1d}]\n\
                stream_jobs: [{exchange: binance, pairs: [BTC/USDT], channels: [trades]}]\n";
    let exchange = format!("exchanges: {{binance: {{rest_url: '{rest}', archive_url: '{rest}', ws_url: '{live}'}}}}\n");
    scratch.write("mounts/config.yml", format!("{jobs}{exchange}"));
    for (volume, mode) in [("data", 0o775), ("tmp", 0o1777)] {
        let volume = scratch.join("mounts").join(volume);
        std::fs::create_dir(&volume).expect("a folder");
        std::fs::set_permissions(&volume, std::fs::Permissions::from_mode(mode)).expect("a folder of ours");
    }
    // Temporary folders are for their owners alone.
    std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(0o755)).expect("a folder of ours");
    scratch.join("mounts")
}

/// The first process of the container, whose parent is `unshare`.
fn first_process(unshare: &Running) -> Option<Pid> {
    let id = unshare.id();
    let list = format!("/proc/{id}/task/{id}/children");
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let children = std::fs::read_to_string(Path::new(&list)).unwrap_or_default();
        if let Some(pid) = children.split_whitespace().next().and_then(|pid| Pid::from_raw(pid.parse().ok()?)) {
            return Some(pid);
        }
        thread::sleep(LOOK);
    }
    None
}
