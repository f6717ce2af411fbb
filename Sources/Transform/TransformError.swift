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
