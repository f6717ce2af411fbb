import Foundation
import Postgres

/// Rows as JSON objects, their columns by name and absent values as null.
enum JSONRows {
    /// - Parameters:
    ///   - plain: columns whose text is JSON as it stands: numbers, true, false.
    ///   - times: columns of times, which become what the server's own JSON has: ISO 8601.
    static func objects(
        _ rows: [Result.Row], of columns: [String], plain: Set<String> = [], times: Set<String> = []
    ) throws -> [Any] {
        try rows.map { row in
            var object: [String: Any] = [:]
            for (index, column) in columns.enumerated() {
                guard let text = row.text(index) else {
                    object[column] = NSNull()
                    continue
                }
                object[column] =
                    plain.contains(column)
                    ? try number(text) : times.contains(column) ? ShownTimes.iso(text) : text
            }
            return object
        }
    }

    private static func number(_ text: String) throws -> Any {
        switch text {
        case "t": true
        case "f": false
        default: try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
        }
    }

    static func print(_ document: [String: Any]) throws {
        let data = try JSONSerialization.data(
            withJSONObject: document, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        JSONOutput.write(String(decoding: data, as: UTF8.self))
    }
}
