import Foundation

/// What people see: results go to stdout, everything else to stderr.
enum Terminal {
    static func out(_ text: String) { put(clean(text)) }

    /// Of a format of files, in which nothing may be changed for being shown: only a terminal gets it cleaned.
    static func data(_ text: String) { put(isOutputTerminal ? clean(text) : text) }

    private static func put(_ text: String) {
        if let failure = write(text + "\n", to: STDOUT_FILENO) {
            lock.withLock { outputError = failure }
        }
    }

    /// Why stdout did not take what was written; nil where it did, or where its reader went away (report | head).
    static var outputFailure: String? {
        lock.withLock {
            outputError == 0 || outputError == EPIPE ? nil : String(cString: strerror(outputError))
        }
    }

    static func error(_ text: String) {
        endProgress()
        _ = write(clean(text) + "\n", to: STDERR_FILENO)
    }

    /// A line that the next one takes the place of; nothing where stderr is no terminal.
    static func progress(_ text: String) {
        guard isErrorTerminal else { return }
        _ = write("\r\u{1B}[2K\(clean(text))", to: STDERR_FILENO)
        lock.withLock { isShowingProgress = true }
    }

    static func endProgress() {
        let wasShowing = lock.withLock {
            defer { isShowingProgress = false }
            return isShowingProgress
        }
        if wasShowing { _ = write("\r\u{1B}[2K", to: STDERR_FILENO) }
    }

    static let isErrorTerminal = isatty(STDERR_FILENO) == 1
    private static let isOutputTerminal = isatty(STDOUT_FILENO) == 1
    /// Whether stdout is a terminal that wants colours (https://no-color.org).
    static let isColourful =
        isOutputTerminal && ProcessInfo.processInfo.environment["NO_COLOR"] == nil

    private static let lock = NSLock()
    nonisolated(unsafe) private static var isShowingProgress = false

    nonisolated(unsafe) private static var outputError: Int32 = 0

    /// Values come from logs: what could steer a terminal is shown as a replacement character.
    private static func clean(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { isUnsafe($0) ? "\u{FFFD}" : $0 }))
    }

    /// Controls but for line ends and tabs, and what turns the direction of writing, so that a line reads as it is not
    /// (Unicode Technical Report 36, section 2.5).
    static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x0A, 0x09: false
        case 0x00..<0x20, 0x7F...0x9F, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    /// Writes all of it; the error's number where that fails.
    private static func write(_ text: String, to descriptor: Int32) -> Int32? {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return errno }
            bytes = bytes.dropFirst(count)
        }
        return nil
    }
}
