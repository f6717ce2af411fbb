import Foundation

/// Real event data with answers computed by other tools; there only where `DAYBOOK_TEST_DATA` names the folder.
package enum TestData {
    package static let directory = ProcessInfo.processInfo.environment["DAYBOOK_TEST_DATA"]
    package static var isThere: Bool { directory != nil }

    package static func path(_ name: String) -> String { "\(directory ?? "")/\(name)" }

    /// The repository, for its fixtures and its README.
    package static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    package static func fixture(_ name: String) -> String { "\(repository)/Tests/Fixtures/\(name)" }

    /// A simple CSV (no quotes) as rows by column name.
    package static func csv(_ path: String) throws -> [[String: String]] {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(whereSeparator: \.isNewline)
        let header = lines[0].split(separator: ",").map(String.init)
        return lines.dropFirst().map { line in
            let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            return Dictionary(uniqueKeysWithValues: zip(header, cells))
        }
    }
}
