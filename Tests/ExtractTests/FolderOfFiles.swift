import Events
import Extract
import Foundation
import TestSupport

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

    /// The hash by which a file is known that was read up to a position.
    func tailHash(of name: String, before position: Int64) throws -> String {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name))))
        return SHA256.hex(Array(bytes[max(0, Int(position) - 1_024)..<Int(position)]), prefix: 16)
    }

    /// Compresses a file by an installed program, which puts NAME.gz or the like in its place.
    ///
    /// - Returns: the new name.
    @discardableResult
    func compress(_ name: String, with program: String) throws -> String {
        let arguments = program == "zstd" ? ["-q", "--rm"] : []
        let outcome = try Shell.run("/usr/bin/env", [program] + arguments + [path(name)], in: directory, [:])
        guard outcome.status == 0 else { throw CocoaError(.fileWriteUnknown) }
        return name + ["gzip": ".gz", "zstd": ".zst", "xz": ".xz", "bzip2": ".bz2"][program]!
    }
}

/// What is to be read of some files of which these objects are known.
func plans(_ files: [FoundFile], known: [KnownObject]) throws -> [ReadPlan] {
    var planner = ReadPlanner { known }
    return try planner.plans(files)
}
