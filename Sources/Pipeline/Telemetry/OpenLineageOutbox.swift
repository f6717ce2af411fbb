import Extract
import Foundation

/// Hands events over beside a run, which never waits for them longer than a few seconds at its end.
///
/// Used by one thread; what it sends to an endpoint goes out on another. After one that was not taken no other is tried:
/// an endpoint that is down is asked once in a run.
final class OpenLineageOutbox: @unchecked Sendable {
    private let target: OpenLineageTarget
    private let directory: String
    private let queue = DispatchQueue(label: "daybook.openlineage")
    private let group = DispatchGroup()
    private let lock = NSLock()
    // Both only under the lock.
    private var waiting = 0
    private var failure: String?

    /// How long an exchange may take, and how long the end of a run waits for all that are left.
    static let patienceSeconds = 3.0

    /// - Parameter directory: what a file is relative to.
    init(_ target: OpenLineageTarget, directory: String) {
        self.target = target
        self.directory = directory
    }

    /// - Parameter event: a JSON document in one line.
    func send(_ event: String) {
        switch target.place {
        case .file(let name): append(event + "\n", to: name.hasPrefix("/") ? name : "\(directory)/\(name)")
        case .endpoint(let post):
            lock.withLock { waiting += 1 }
            queue.async(group: group) { [self] in
                guard lock.withLock({ failure == nil }) else { return }
                do {
                    try post.send(event, headers: [])
                    lock.withLock { waiting -= 1 }
                } catch {
                    lock.withLock { failure = "\(error)" }
                }
            }
        }
    }

    /// Waits for what is not sent yet, as long as its patience lasts.
    ///
    /// - Returns: what was not taken, and why, for a person; nil where all is well.
    func finish() -> String? {
        let isDone = group.wait(timeout: .now() + OpenLineageOutbox.patienceSeconds) == .success
        return lock.withLock {
            if let failure {
                return waiting > 1 ? "\(failure); \(waiting) events are lost" : failure
            }
            return isDone
                ? nil : "\(waiting) event\(waiting == 1 ? " is" : "s are") not taken yet, and left behind"
        }
    }

    /// In one write, so that the lines of several runs do not mix.
    private func append(_ line: String, to path: String) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        let bytes = Array(line.utf8)
        let isWritten =
            descriptor >= 0
            && bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == bytes.count
        if !isWritten {
            let reason = String(cString: strerror(errno))
            lock.withLock {
                failure = failure ?? "\(path) cannot be written: \(reason)"
                waiting += 1
            }
        }
        if descriptor >= 0 { close(descriptor) }
    }
}
