import Foundation

/// Places at which the process can be made to die, for tests of what a death there leaves behind. The modules that have
/// such places list their names.
///
/// `DAYBOOK_FAIL_POINT=commit:3` kills the process when it passes the point `commit` for the third time, as a
/// power cut would: nothing is flushed, nothing is tidied.
package enum FailPoint {
    private static let chosen: (name: String, pass: Int)? = {
        guard let text = ProcessInfo.processInfo.environment["DAYBOOK_FAIL_POINT"] else { return nil }
        let parts = text.split(separator: ":", maxSplits: 1)
        return parts.first.map { (String($0), parts.count > 1 ? Int(parts[1]) ?? 1 : 1) }
    }()
    private static let lock = NSLock()
    nonisolated(unsafe) private static var passes = 0

    package static func pass(_ name: String) {
        guard let chosen, chosen.name == name else { return }
        lock.lock()
        defer { lock.unlock() }
        passes += 1
        if passes == chosen.pass { kill(getpid(), SIGKILL) }
    }
}
