import Foundation
import Pipeline
import Warehouse

/// A project in a directory of its own, removed when it goes.
package final class TemporaryProject {
    /// Absolute, every link resolved.
    package let directory: String

    package init() throws {
        let path = "\(NSTemporaryDirectory())daybook-project-\(UUID().uuidString.prefix(13))"
        try FileManager.default.createDirectory(
            atPath: "\(path)/pipelines", withIntermediateDirectories: true)
        directory = path
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    package func path(_ name: String) -> String { "\(directory)/\(name)" }

    package func write(_ name: String, _ text: String) throws { try write(name, [UInt8](text.utf8)) }

    package func write(_ name: String, _ bytes: [UInt8]) throws {
        let url = URL(fileURLWithPath: path(name))
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }

    package func append(_ name: String, _ text: String) throws {
        let handle = try handle(forWriting: path(name))
        defer { try? handle.close() }
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(text.utf8))
    }

    package func project() throws -> Project { try Project(directory: directory, environment: [:]) }

    /// Runs pipelines of the project (all, where none is named) on a database.
    @discardableResult
    package func run(
        _ names: [String] = [], on database: TestDatabase, _ options: RunOptions = RunOptions(),
        notes: @escaping (String) -> Void = { _ in }
    ) throws -> [RunReport] {
        let project = try project()
        return try Run(
            project, try project.pipelines(names), options, interruption: Interruption(),
            observer: RunObserver(progress: { _ in }, note: notes)
        ).run(database.url)
    }

    /// Runs the only pipeline and gives its counts; throws what made it fail.
    @discardableResult
    package func counts(on database: TestDatabase, _ options: RunOptions = RunOptions()) throws -> LoadCounts
    {
        let report = try run(on: database, options)[0]
        if let error = report.error { throw error }
        return report.counts
    }

    private func handle(forWriting path: String) throws -> FileHandle {
        guard let handle = FileHandle(forWritingAtPath: path) else { throw CocoaError(.fileNoSuchFile) }
        return handle
    }
}
