import Foundation

/// Values of events as they stand in tables and commands for people: they may hold anything.
enum Cell {
    private static let longest = 80

    /// On one line, and not endless.
    static func text(_ value: String) -> String {
        var line = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\n": line += "\\n"
            case "\r": line += "\\r"
            case "\t": line += "\\t"
            default: line.unicodeScalars.append(scalar)
            }
        }
        guard line.count > longest else { return line }
        return "\(line.prefix(longest - 20))…\(line.suffix(19))"
    }

    /// As a word of a shell's command line.
    static func word(_ value: String) -> String {
        let isPlain =
            !value.isEmpty && !value.hasPrefix("-")
            && value.utf8.allSatisfy { byte in
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
                    || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || "-_./:@=,+%".utf8.contains(byte)
            }
        guard !isPlain else { return value }
        let quoted = "'" + value.replacingOccurrences(of: "'", with: "'\\''") + "'"
        // A word that looks like an option is one, unless -- stands before it.
        return value.hasPrefix("-") ? "-- \(quoted)" : quoted
    }
}
