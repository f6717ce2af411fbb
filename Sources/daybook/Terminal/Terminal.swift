import Foundation

/// What people see: results go to stdout, everything else to stderr.
enum Terminal {
    static func out(_ text: String) { write(text + "\n", to: FileHandle.standardOutput) }

    static func error(_ text: String) {
        endProgress()
        write(text + "\n", to: FileHandle.standardError)
    }

    /// A line that the next one takes the place of; nothing where stderr is no terminal.
    static func progress(_ text: String) {
        guard isErrorTerminal else { return }
        write("\r\u{1B}[2K\(text)", to: FileHandle.standardError)
        lock.withLock { isShowingProgress = true }
    }

    static func endProgress() {
        let wasShowing = lock.withLock {
            defer { isShowingProgress = false }
            return isShowingProgress
        }
        if wasShowing { write("\r\u{1B}[2K", to: FileHandle.standardError) }
    }

    static let isErrorTerminal = isatty(STDERR_FILENO) == 1
    /// Whether stdout is a terminal that wants colours (https://no-color.org).
    static let isColourful =
        isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil

    private static let lock = NSLock()
    nonisolated(unsafe) private static var isShowingProgress = false

    private static func write(_ text: String, to handle: FileHandle) {
        // A reader that has gone away (report | head) is no error of ours.
        try? handle.write(contentsOf: Data(text.utf8))
    }
}
