//! The key of a development machine: made once, kept in a file that only its owner can read.

use super::entropy::{Entropy, NoEntropy};
use super::keyring::{KEY_BYTES, Key};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

/// Why there is no key to work with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file exists, but holds something else.
    #[error("key file {} does not hold 64 hexadecimal digits; restore it, or delete it to get a new key", .0.display())]
    Malformed(PathBuf),
    /// The file cannot be read.
    #[error("key file {} cannot be read; check its permissions", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("key file {} cannot be created; make its directory writable or set TOKEN_SYMMETRIC_KEY", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// No random bytes for a new key.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
}

/// Reads the key in the file; makes a new one if there is no file. Of several processes that start at
/// once, one makes the key and all get that one. Blocks on the disk: call it at start.
pub fn load_or_create(path: &Path, entropy: &dyn Entropy) -> Result<Key, KeyFileError> {
    if let Some(key) = load(path)? {
        return Ok(key);
    }
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    entropy.fill(bytes.as_mut_slice())?;
    let key = Key::from_bytes(bytes);
    match publish(path, &key) {
        Ok(()) => Ok(key),
        // Another process was faster; its key counts.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            load(path)?.ok_or(KeyFileError::Unwritable { path: path.to_owned(), source: error })
        }
        Err(source) => Err(KeyFileError::Unwritable { path: path.to_owned(), source }),
    }
}

fn load(path: &Path) -> Result<Option<Key>, KeyFileError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(KeyFileError::Malformed(path.to_owned()));
        }
        Err(source) => return Err(KeyFileError::Unreadable { path: path.to_owned(), source }),
    };
    let digits = text.trim_end();
    match Key::parse(digits) {
        Ok(key) if digits.len() == 2 * KEY_BYTES => Ok(Some(key)),
        _ => Err(KeyFileError::Malformed(path.to_owned())),
    }
}

/// Writes the key aside, readable by its owner only, and puts it in place in one step that fails if
/// there is a file by now: nobody ever reads half a key, and nobody's key is overwritten.
fn publish(path: &Path, key: &Key) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = NamedTempFile::new_in(directory)?;
    writeln!(file, "{}", key.to_hex().as_str())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    // The name is as precious as the content: without it every code in every mailbox is void.
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::entropy::OsEntropy;
    use std::sync::Barrier;
    use tempfile::TempDir;

    #[test]
    fn a_key_is_made_once_and_found_again() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("simplebank.key");
        let made = load_or_create(&path, &OsEntropy).unwrap();
        let found = load_or_create(&path, &OsEntropy).unwrap();
        assert_eq!(made.id(), found.id());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left behind");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("simplebank.key");
        load_or_create(&path, &OsEntropy).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn processes_that_start_at_once_get_the_same_key() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("simplebank.key");
        let start = Barrier::new(8);
        let ids: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        load_or_create(&path, &OsEntropy).unwrap().id().as_str().to_owned()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn a_file_with_something_else_in_it_is_refused_and_left_alone() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("simplebank.key");
        for content in [&b""[..], b"secret", b"12345678901234567890123456789012", &[0xff; 64]] {
            fs::write(&path, content).unwrap();
            let error = load_or_create(&path, &OsEntropy).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "key file {} does not hold 64 hexadecimal digits; restore it, or delete it to get a new key",
                    path.display()
                )
            );
            assert_eq!(fs::read(&path).unwrap(), content);
        }
    }

    #[test]
    fn a_directory_that_takes_no_files_is_named() {
        let path = Path::new("/nonexistent/simplebank.key");
        let error = load_or_create(path, &OsEntropy).unwrap_err();
        assert!(matches!(error, KeyFileError::Unwritable { .. }), "{error}");
    }
}
