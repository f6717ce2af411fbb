import Foundation

/// A lock that one process of the machine has, until it lets go or ends, however it ends. The file tells which.
package final class ProcessLock {
    private let lock: FileLock

    /// Takes the lock; the file is made where it is missing.
    ///
    /// - Returns: nil when another has it.
    package init?(trying path: String) throws(PrivateServerError) {
        let made = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard made >= 0 else { throw .system("cannot make \(path)") }
        close(made)
        guard let lock = try FileLock(trying: path) else { return nil }
        ftruncate(lock.descriptor, 0)
        try FileSystem.write("\(getpid())", to: lock.descriptor, path: path)
        self.lock = lock
    }
}
