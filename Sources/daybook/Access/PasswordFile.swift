import Foundation
import Pipeline

/// A password file of libpq (section 34.16 of PostgreSQL's documentation): a line for each place that a role comes to. Lines
/// that are not asked for stay as they are.
struct PasswordFile {
    /// Every link that leads to it resolved when it is written.
    let path: String

    /// Whom a line is for, at any host and port: what one calls the server another may not.
    struct Login {
        let database: String
        let role: String
    }

    /// The password of a login; nil where the file holds none, or is not there.
    func password(of login: Login) -> String? {
        guard let bytes = bytes() else { return nil }
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let fields = PasswordFile.fields(line)
            guard fields.count >= 5, ["*", login.database].contains(fields[2]),
                ["*", login.role].contains(fields[3])
            else { continue }
            return fields[4]
        }
        return nil
    }

    /// Puts the line of a login in, in the place of the one that it had.
    ///
    /// - Returns: what takes it back.
    func set(_ password: String, of login: Login) throws -> Undo {
        let before = bytes()
        if before == nil, FileManager.default.fileExists(atPath: path), isFile {
            throw WholeFile.Failure(description: "\(path) cannot be read, and what is in it is to stay")
        }
        func escaped(_ text: String) -> String {
            text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: ":", with: "\\:")
        }
        let line = Array("*:*:\(escaped(login.database)):\(escaped(login.role)):\(password)".utf8)[...]
        var lines =
            (before ?? []).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        let places = lines.indices.filter {
            Array(PasswordFile.fields(lines[$0]).prefix(4)) == ["*", "*", login.database, login.role]
        }
        if let place = places.first {
            lines[place] = line
            for other in places.dropFirst().reversed() { lines.remove(at: other) }
        } else {
            // The first line that fits is the one that counts.
            let wider = lines.firstIndex { PasswordFile.covers(PasswordFile.fields($0), login) }
            lines.insert(line, at: wider ?? lines.endIndex)
        }
        try WholeFile.makeFolder((path as NSString).deletingLastPathComponent)
        try WholeFile.write(
            Array(lines.joined(separator: [UInt8(ascii: "\n")])) + [UInt8(ascii: "\n")], to: path, for: .owner
        )
        return Undo(path: path, before: before)
    }

    /// Takes back what was written.
    struct Undo {
        fileprivate let path: String
        fileprivate let before: [UInt8]?

        func callAsFunction() {
            if let before {
                try? WholeFile.write(before, to: path, for: .owner)
            } else {
                unlink(path)
            }
        }
    }

    private var isFile: Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Nil where there is no file to read.
    private func bytes() -> [UInt8]? {
        isFile ? FileManager.default.contents(atPath: path).map { [UInt8]($0) } : nil
    }

    /// Whether a line, wherever one connects, comes before one for this login alone.
    private static func covers(_ fields: [String], _ login: Login) -> Bool {
        fields.count >= 5 && fields[0] == "*" && fields[1] == "*"
            && ["*", login.database].contains(fields[2])
            && ["*", login.role].contains(fields[3])
    }

    /// Of a line, without what escapes colons and backslashes; none of a comment.
    private static func fields(_ line: ArraySlice<UInt8>) -> [String] {
        guard line.first != UInt8(ascii: "#") else { return [] }
        var fields: [[UInt8]] = [[]]
        var isEscaped = false
        for byte in line {
            switch byte {
            case _ where isEscaped:
                fields[fields.count - 1].append(byte)
                isEscaped = false
            case UInt8(ascii: "\\"): isEscaped = true
            case UInt8(ascii: ":"): fields.append([])
            default: fields[fields.count - 1].append(byte)
            }
        }
        return fields.map { String(decoding: $0, as: UTF8.self) }
    }
}
