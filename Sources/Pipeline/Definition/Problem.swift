/// A mistake in a definition, or a doubt about it, and where it stands.
package struct Problem: Error, Sendable, Equatable, Encodable, CustomStringConvertible {
    package enum Severity: String, Sendable, Encodable { case error, warning }

    package let severity: Severity
    /// Relative to the project, as a person would open it.
    package let file: String
    /// From 1; the column counts characters.
    package let line: Int
    package let column: Int
    package let message: String

    package init(_ severity: Severity, _ place: DefinitionPlace, _ message: String) {
        self.severity = severity
        file = place.file
        line = place.line
        column = place.column
        self.message = message
    }

    package var description: String {
        "\(file):\(line):\(column): \(severity == .warning ? "warning: " : "")\(message)"
    }
}

/// A place in a definition file.
package struct DefinitionPlace: Sendable, Equatable {
    /// Relative to the project.
    package let file: String
    /// From 1; the column counts characters.
    package let line: Int
    package let column: Int

    package static func start(of file: String) -> DefinitionPlace {
        DefinitionPlace(file: file, line: 1, column: 1)
    }
}

/// Definitions that cannot be used: every mistake that was found.
package struct DefinitionError: Error, CustomStringConvertible {
    package let problems: [Problem]
    package init(_ problems: [Problem]) { self.problems = problems }
    package var description: String { problems.map(\.description).joined(separator: "\n") }
}
