import Events
import Extract
import Foundation

/// A folder of a test's own with files in it; removed when it goes.
final class FolderOfFiles {
    let directory: String

    init() throws {
        directory = "\(NSTemporaryDirectory())daybook-files-\(UUID().uuidString.prefix(13))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    func path(_ name: String) -> String { "\(directory)/\(name)" }

    /// - Parameter age: how many seconds ago it was modified.
    func write(_ name: String, _ text: String, age: Double = 0) throws {
        try write(name, Array(text.utf8), age: age)
    }

    func write(_ name: String, _ bytes: [UInt8], age: Double = 0) throws {
        let url = URL(fileURLWithPath: path(name))
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1_790_000_000 - age)], ofItemAtPath: url.path)
    }

    func rename(_ name: String, to other: String) throws {
        try FileManager.default.moveItem(atPath: path(name), toPath: path(other))
    }

    func files(_ pattern: String) throws -> [FoundFile] {
        try FilePattern(pattern, relativeTo: directory).files()
    }

    func file(_ name: String) throws -> FoundFile { try files(name)[0] }
}
