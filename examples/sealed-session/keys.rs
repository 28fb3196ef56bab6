//! `keys`: ring files, made, rotated and listed.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use sealed_session::{
    keys::{Key, KeyRing, RingKey},
    time::{CLOCK_TOLERANCE, Clock as _, SystemClock, Timestamp},
};
use tempfile::NamedTempFile;

use crate::{
    args::{KeysCommand, RotateArgs},
    failure::Failure,
    style::{BAD, GOOD, NEW, QUIET, TITLE, span, styled},
};

pub(crate) fn run(command: &KeysCommand, out: &mut dyn Write) -> Result<(), Failure> {
    match command {
        KeysCommand::New { out: None } => {
            let ring = fresh(SystemClock.now())?;
            Ok(out.write_all(ring.to_secret_toml().as_bytes())?)
        }
        KeysCommand::New { out: Some(file) } => new_file(file, out),
        KeysCommand::Rotate(args) => rotate(args, out),
        KeysCommand::List { file, at } => {
            let now = at.unwrap_or_else(|| SystemClock.now());
            list(&read(file)?, now, out)
        }
    }
}

/// A ring file's keys.
pub(crate) fn read(file: &Path) -> Result<KeyRing, Failure> {
    KeyRing::from_file(file).map_err(|error| failed(file, error))
}

/// Sealing from now on, also by clocks that are late: a server whose clock is behind could
/// not start otherwise.
fn fresh(now: Timestamp) -> Result<KeyRing, Failure> {
    let key = RingKey::new(Key::generate()?, now - CLOCK_TOLERANCE);
    Ok(KeyRing::new([key])?)
}

fn new_file(file: &Path, out: &mut dyn Write) -> Result<(), Failure> {
    let ring = fresh(SystemClock.now())?;
    written(file, &ring)
        .and_then(|draft| draft.persist_noclobber(file).map_err(|error| error.error))
        .map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => failed(file, "exists already, and is kept"),
            kind => failed(file, kind),
        })?;
    for entry in ring.keys() {
        let id = styled(NEW, entry.key().id());
        writeln!(out, "{}: key {id}, sealing from now on", file.display())?;
    }
    writeln!(
        out,
        "Keep the file secret: it reads and makes every session."
    )?;
    Ok(())
}

fn rotate(args: &RotateArgs, out: &mut dyn Write) -> Result<(), Failure> {
    // Where the path is a link, the file behind it is replaced and the link stays.
    let file = fs::canonicalize(&args.file).map_err(|error| failed(&args.file, error.kind()))?;
    let before = read(&file)?;
    let now = SystemClock.now();
    let key = Key::generate()?;
    let id = key.id();
    let after = if args.emergency {
        KeyRing::emergency(now, key)
    } else {
        before
            .rotate(now, args.activate_in, args.idle, key)
            // Keys that were given an end earlier keep it, which may be too early now.
            .and_then(|ring| ring.check_idle(args.idle).map(|()| ring))
    };
    let after = after.map_err(|error| failed(&args.file, error))?;
    replace(&file, &after).map_err(|error| failed(&args.file, error.kind()))?;

    writeln!(
        out,
        "{}: key {} added",
        args.file.display(),
        styled(NEW, id)
    )?;
    if args.emergency {
        tell_emergency(&before, now, out)
    } else {
        tell_rotation(args, &after, now, out)
    }
}

fn tell_rotation(
    args: &RotateArgs,
    ring: &KeyRing,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let sealing = ring.sealing_key(now).map(|entry| entry.key().id());
    if let Some(id) = sealing {
        writeln!(out, "\n  {now}  {id} seals, all of them open")?;
    }
    // What comes, in the order in which it comes.
    let begin = ring
        .keys()
        .iter()
        .filter(|entry| entry.seals_from() > now)
        .map(|entry| (entry.seals_from(), entry, "seals"));
    let end = ring
        .keys()
        .iter()
        .filter_map(|entry| Some((entry.opens_until()?, entry, "retires: it opens no more")));
    let mut events: Vec<_> = begin.chain(end).collect();
    events.sort_by_key(|(when, ..)| *when);
    for (when, entry, what) in events {
        writeln!(out, "  {when}  {} {what}", entry.key().id())?;
    }
    writeln!(
        out,
        "\nNobody is logged out who is idle for less than {}, if every server has\n\
         this file within {}.",
        span(args.idle),
        span(args.activate_in),
    )?;
    Ok(())
}

fn tell_emergency(before: &KeyRing, now: Timestamp, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "\n  {now}  it seals and opens, alone")?;
    for entry in before.keys().iter().filter(|entry| entry.opens_at(now)) {
        writeln!(out, "  {now}  {} is closed", entry.key().id())?;
    }
    let everyone = styled(BAD, "Everyone is logged out");
    writeln!(
        out,
        "\n{everyone} by every server that has this file. Give it to all of\n\
         them now: one without it still accepts the old keys."
    )?;
    Ok(())
}

fn list(ring: &KeyRing, now: Timestamp, out: &mut dyn Write) -> Result<(), Failure> {
    let head = format!(
        "{:32}  {:7}  {:20}  {}",
        "key id", "role", "seals from", "opens until"
    );
    writeln!(out, "{}", styled(TITLE, head))?;
    for entry in ring.keys() {
        let (role, style) = if !entry.opens_at(now) {
            ("closed", QUIET)
        } else if ring.sealing_key(now) == Some(entry) {
            ("seals", GOOD)
        } else if entry.seals_from() > now {
            ("pending", NEW)
        } else {
            ("opens", anstyle::Style::new())
        };
        let until = entry
            .opens_until()
            .map_or("not retired".to_owned(), |until| until.to_string());
        let (id, role) = (entry.key().id(), styled(style, format!("{role:7}")));
        writeln!(out, "{id}  {role}  {:20}  {until}", entry.seals_from())?;
    }
    Ok(())
}

/// The ring in a new file beside `file`, readable by its owner only.
fn written(file: &Path, ring: &KeyRing) -> io::Result<NamedTempFile> {
    let mut draft = NamedTempFile::new_in(folder(file))?;
    draft.write_all(ring.to_secret_toml().as_bytes())?;
    draft.as_file().sync_all()?;
    Ok(draft)
}

/// Puts the ring in the place of `file` in one step, so that no server reads half a file.
/// Owner and mode stay, so that the servers which could read it still can.
fn replace(file: &Path, ring: &KeyRing) -> io::Result<()> {
    let draft = written(file, ring)?;
    let before = fs::metadata(file)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, fchown};
        fchown(draft.as_file(), Some(before.uid()), Some(before.gid()))?;
    }
    draft.as_file().set_permissions(before.permissions())?;
    draft.persist(file).map_err(|error| error.error)?;
    #[cfg(unix)]
    fs::File::open(folder(file))?.sync_all()?;
    Ok(())
}

fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn failed(file: &Path, what: impl core::fmt::Display) -> Failure {
    Failure::Environment(format!("{}: {what}", file.display()))
}
