//! The programs that are installed, and starting them.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::RunningApplication;
use super::desktop_entry::{self, Entry};

/// Longest file that is read, in bytes. With all translations the largest have some 50 KB.
const MAX_FILE_BYTES: u64 = 256 << 10;

/// Most files that are looked at: a full desktop has some hundreds.
const MAX_FILES: usize = 8192;

/// Folders within folders: the specification knows one level for vendors.
const MAX_DEPTH: usize = 4;

/// Steps from a window's process to the one that was started: wrappers start wrappers.
const MAX_ANCESTORS: usize = 16;

/// A program that can be started by its desktop entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledApplication {
    /// The desktop file's identifier, such as `org.gnome.gedit.desktop`.
    pub id: String,
    /// What it calls itself in the person's language. From a file: clean it before a terminal shows it.
    pub name: String,
    command: Vec<String>,
    window_class: Option<String>,
}

/// A program that was started from here.
#[derive(Clone, Copy, Debug)]
pub struct Launched {
    pid: u32,
}

/// The programs with a desktop entry in the folders of the environment that are meant for people and
/// whose program is there, by name.
#[must_use]
pub fn installed() -> Vec<InstalledApplication> {
    installed_in(&data_folders(), &languages(), &path_folders())
}

fn installed_in(
    folders: &[PathBuf],
    languages: &[String],
    path: &[PathBuf],
) -> Vec<InstalledApplication> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut left = MAX_FILES;
    for folder in folders {
        let folder = folder.join("applications");
        let mut files = Vec::new();
        collect(&folder, MAX_DEPTH, &mut left, &mut files);
        for file in files {
            let Ok(relative) = file.strip_prefix(&folder) else { continue };
            let id = relative.to_string_lossy().replace('/', "-");
            // An earlier folder's file replaces those of later ones, also to hide them.
            if !seen.insert(id.clone()) {
                continue;
            }
            let entry = read(&file).and_then(|text| desktop_entry::parse(&text, languages));
            found.extend(entry.and_then(|entry| usable(id, &entry, &file, path)));
        }
    }
    found.sort_by(|a, b| (a.name.to_lowercase(), &a.id).cmp(&(b.name.to_lowercase(), &b.id)));
    found
}

fn usable(
    id: String,
    entry: &Entry,
    file: &Path,
    path: &[PathBuf],
) -> Option<InstalledApplication> {
    let command = desktop_entry::command(entry, &file.to_string_lossy())?;
    let needed = [Some(&command[0]), entry.try_exec.as_ref()];
    let is_there = needed.into_iter().flatten().all(|program| is_program(program, path));
    (entry.listed && is_there).then(|| InstalledApplication {
        id,
        name: entry.name.clone(),
        command,
        window_class: entry.window_class.clone(),
    })
}

fn collect(folder: &Path, depth: usize, left: &mut usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if *left == 0 {
            return;
        }
        let path = entry.path();
        if path.is_dir() && depth > 0 {
            collect(&path, depth - 1, left, files);
        } else if path.extension().is_some_and(|extension| extension == "desktop") {
            *left -= 1;
            files.push(path);
        }
    }
}

fn read(file: &Path) -> Option<String> {
    let mut text = String::new();
    let read =
        fs::File::open(file).ok()?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).ok()?;
    (read as u64 <= MAX_FILE_BYTES).then_some(text)
}

fn is_program(name: &str, path: &[PathBuf]) -> bool {
    let executable = |file: &Path| {
        fs::metadata(file).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
    };
    match name.starts_with('/') {
        true => executable(Path::new(name)),
        false => path.iter().any(|folder| executable(&folder.join(name))),
    }
}

/// XDG Base Directory Specification 0.8.
fn data_folders() -> Vec<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let own = set("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(set("HOME")?).join(".local/share")));
    let others = set("XDG_DATA_DIRS").unwrap_or_else(|| "/usr/local/share:/usr/share".into());
    own.into_iter().chain(std::env::split_paths(&others)).filter(|it| it.is_absolute()).collect()
}

fn path_folders() -> Vec<PathBuf> {
    std::env::var_os("PATH").map_or_else(Vec::new, |path| std::env::split_paths(&path).collect())
}

/// The forms of the locale for messages that keys of desktop entries may have, the best first.
fn languages() -> Vec<String> {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_default();
    let plain = locale.split(['.', '@']).next().unwrap_or_default();
    let language = plain.split('_').next().unwrap_or_default();
    [plain, language].into_iter().filter(|it| !it.is_empty()).map(str::to_owned).collect()
}

impl InstalledApplication {
    /// Whether `running` is this program, as far as the classes of its windows tell.
    #[must_use]
    pub fn is(&self, running: &RunningApplication) -> bool {
        let program = Path::new(&self.command[0]).file_name().unwrap_or_default().to_string_lossy();
        let names = [self.window_class.as_deref(), Some(&program)];
        let classes = [&running.class, &running.instance];
        names.into_iter().flatten().any(|name| {
            !name.is_empty() && classes.iter().any(|class| class.eq_ignore_ascii_case(name))
        })
    }

    /// Starts the program on `display` (`None`: that of the environment), without a shell, in a group
    /// of its own: what ends this program does not end it.
    ///
    /// # Errors
    /// When the system does not start it.
    pub fn launch(&self, display: Option<&str>) -> io::Result<Launched> {
        let mut command = Command::new(&self.command[0]);
        command
            .args(&self.command[1..])
            .envs(display.map(|display| ("DISPLAY", display)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        let mut child = command.spawn()?;
        let launched = Launched { pid: child.id() };
        // Collects the process when it ends.
        std::thread::Builder::new().name("launched".into()).spawn(move || drop(child.wait()))?;
        Ok(launched)
    }
}

impl Launched {
    /// The application of `running` that was started by this: its windows name this process or one
    /// that descends from it.
    #[must_use]
    pub fn find<'r>(&self, running: &'r [RunningApplication]) -> Option<&'r RunningApplication> {
        running.iter().find(|application| {
            let ancestors = std::iter::successors(application.pid, |&pid| parent(pid));
            ancestors.take(MAX_ANCESTORS).any(|pid| pid == self.pid)
        })
    }
}

/// The parent of a process: the second field behind its name, which is in parentheses.
fn parent(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, behind_name) = status.rsplit_once(')')?;
    behind_name.split_whitespace().nth(1)?.parse().ok().filter(|&parent| parent > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_folders_win_and_what_is_missing_is_not_listed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (own, system) = (folder.path().join("own"), folder.path().join("system"));
        let write = |base: &Path, name: &str, text: &str| {
            let file = base.join("applications").join(name);
            fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            fs::write(file, format!("[Desktop Entry]\nType=Application\n{text}")).expect("written");
        };
        write(&own, "a.desktop", "Name=Mine\nExec=sh -c x");
        write(&own, "hidden.desktop", "Name=H\nExec=sh\nHidden=true");
        write(&system, "a.desktop", "Name=Theirs\nExec=sh");
        write(&system, "hidden.desktop", "Name=H\nExec=sh");
        write(&system, "kde/b.desktop", "Name=Below\nExec=/bin/sh");
        write(&system, "gone.desktop", "Name=Gone\nExec=sh\nTryExec=/nowhere/x");
        write(&system, "absent.desktop", "Name=Absent\nExec=no-such-program-at-all");
        write(&system, "huge.desktop", &format!("Name=Huge\nExec=sh\nX={}", "x".repeat(300_000)));
        let found = installed_in(&[own, system], &[], &[PathBuf::from("/bin")]);
        let told: Vec<_> = found.iter().map(|it| (it.id.as_str(), it.name.as_str())).collect();
        assert_eq!(told, [("kde-b.desktop", "Below"), ("a.desktop", "Mine")]);
        assert_eq!(found[1].command, ["sh", "-c", "x"]);
    }

    #[test]
    fn a_process_has_a_parent() {
        let parent = parent(std::process::id()).expect("this test was started by something");
        assert_eq!(parent, std::os::unix::process::parent_id());
    }
}
