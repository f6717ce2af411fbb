import Foundation

/// An exclusive `flock` on a file, held until `release` or the end of the last process that inherited it.
///
/// Two locks on one file exclude each other also within a process.
struct FileLock: ~Copyable {
    let descriptor: Int32

    /// Waits for the lock. The file is made when missing (mode 0600, owned by `owner` when given).
    init(path: String, owner: uid_t? = nil) throws(PrivateServerError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .system("cannot open the lock file \(path)") }
        if let owner { _ = fchown(descriptor, owner, gid_t.max) }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else {
                let failure = PrivateServerError.system("cannot lock \(path)")
                close(descriptor)
                throw failure
            }
        }
        self.descriptor = descriptor
    }

    /// Takes the lock on an existing file, or returns nil when somebody has it.
    init?(trying path: String) throws(PrivateServerError) {
        let descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw .system("cannot open \(path)") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let busy = errno == EWOULDBLOCK
            let failure = PrivateServerError.system("cannot lock \(path)")
            close(descriptor)
            if busy { return nil }
            throw failure
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }
}
