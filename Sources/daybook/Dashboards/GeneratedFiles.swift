import Foundation
import Pipeline

/// Files that Daybook writes for others, and knows again by a mark in them.
struct GeneratedFiles {
    /// Somewhere in the first or last part of each file.
    static let mark = "Written by daybook dashboards"

    private(set) var files: [(path: String, bytes: [UInt8])] = []

    /// A file that is there and was not written by Daybook.
    struct Foreign: Error, CustomStringConvertible {
        let path: String
        var description: String {
            "\(path) is there, and Daybook did not write it; move it away, or choose another --out"
        }
    }

    mutating func add(_ path: String, _ text: String) { files.append((path, Array(text.utf8))) }
    mutating func add(_ path: String, bytes: [UInt8]) { files.append((path, bytes)) }

    /// Writes all of them below a directory, or none where one would take the place of another's.
    func write(to directory: String) throws {
        for file in files {
            let path = "\(directory)/\(file.path)"
            guard FileManager.default.fileExists(atPath: path) else { continue }
            guard GeneratedFiles.isOurs(path) else { throw Foreign(path: path) }
        }
        for file in files {
            let path = "\(directory)/\(file.path)"
            try WholeFile.makeFolder((path as NSString).deletingLastPathComponent)
            try WholeFile.write(file.bytes, to: path)
        }
    }

    private static func isOurs(_ path: String) -> Bool {
        guard let data = FileManager.default.contents(atPath: path) else { return false }
        return [data.prefix(4_096), data.suffix(4_096)].contains {
            String(decoding: $0, as: UTF8.self).contains(mark)
        }
    }
}
