import Postgres
import SQLFiles

/// A transform file that cannot be used, and where in it.
package struct TransformError: Error, CustomStringConvertible {
    package let file: String
    /// From 1; nil where the file as a whole is meant.
    package var line: Int?
    package let message: String

    /// A line of a file.
    struct Place {
        let file: String
        let line: Int

        init(_ file: String, _ line: Int) {
            self.file = file
            self.line = line
        }
    }

    package var description: String {
        line.map { "\(file):\($0): \(message)" } ?? "\(file): \(message)"
    }
}

extension PostgresError {
    /// What the server refuses, as a mistake of a file; what is no mistake goes on as it is.
    func described(in file: SQLFiles.File, line: Int? = nil) -> any Error {
        guard kind == .refused, !isCancelled, !isRetryable else { return self }
        let more = [detail, hint].filter { !$0.isEmpty }.joined(separator: "; ")
        return TransformError(
            file: file.origin, line: line, message: message + (more.isEmpty ? "" : " (\(more))"))
    }

    /// The line of a text, from 1, where the server found the mistake in a statement that goes on with this text after
    /// its head; nil where it told no place.
    func line(in text: String, after head: String) -> Int? {
        // The server counts code points.
        statementPosition.map { position in
            text.unicodeScalars.prefix(max(position - head.unicodeScalars.count - 1, 0)).count { $0 == "\n" }
                + 1
        }
    }
}
