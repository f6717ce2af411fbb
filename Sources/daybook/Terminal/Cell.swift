import Foundation

/// Values of events as they stand in tables and commands for people: they may hold anything.
enum Cell {
    private static let longest = 80

    /// On one line; what could steer a terminal, or turn the direction of writing, is replaced.
    static func line(_ value: String) -> String {
        guard !value.utf8.allSatisfy({ 0x20..<0x7F ~= $0 }) else { return value }
        var line = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\n": line += "\\n"
            case "\r": line += "\\r"
            case "\t": line += "\\t"
            default: line.unicodeScalars.append(Terminal.isUnsafe(scalar) ? "\u{FFFD}" : scalar)
            }
        }
        return line
    }

    /// On one line, and not endless.
    static func text(_ value: String) -> String {
        let line = line(value)
        guard line.count > longest else { return line }
        return "\(line.prefix(longest - 20))…\(line.suffix(19))"
    }

    /// As a word of a shell's command line, behind what it is a value of: `--case=X`, or nothing.
    static func word(_ value: String, of option: String? = nil) -> String {
        // A word that looks like an option is one, unless -- stands before it, or its option and an equals sign.
        let isDashed = value.hasPrefix("-")
        let before = option.map { $0 + (isDashed ? "=" : " ") } ?? (isDashed ? "-- " : "")
        return before + quoted(value)
    }

    private static func quoted(_ value: String) -> String {
        let isPlain =
            !value.isEmpty
            && value.utf8.allSatisfy { byte in
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
                    || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || "-_./:@=,+%".utf8.contains(byte)
            }
        guard !isPlain else { return value }
        let isShown = value.unicodeScalars.allSatisfy { $0 != "\n" && $0 != "\t" && !Terminal.isUnsafe($0) }
        guard !isShown else { return "'" + value.replacingOccurrences(of: "'", with: "'\\''") + "'" }
        // What cannot be shown as it is has a form of its own (ANSI-C quoting: bash, ksh, zsh).
        let bytes = value.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "'"), UInt8(ascii: "\\"): "\\" + String(Unicode.Scalar(byte))
            case 0x20..<0x7F: String(Unicode.Scalar(byte))
            default: "\\x" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return "$'\(bytes.joined())'"
    }
}
