import Foundation
import Postgres
import TestSupport

/// A server of the benchmark's own, with the settings that Daybook gives its server, durability and all; and programs
/// that are measured on it.
struct BenchServer {
    let directory: String
    let url: String
    let psql: String
    private let server: PrivateServer

    /// Wall seconds and peak memory.
    struct Usage {
        var seconds: Double
        var peakBytes: Int
    }

    private struct Failed: Error {
        let command: [String]
        let message: String
    }

    init() throws {
        directory = "\(NSTemporaryDirectory())daybook-bench-\(ProcessInfo.processInfo.processIdentifier)"
        try FileManager.default.createDirectory(
            atPath: "\(directory)/pipelines", withIntermediateDirectories: true)
        server = PrivateServer(directory: "\(directory)/server")
        url = try server.start()
        psql = "\(ServerBinaries.installed()[0].directory)/psql"
    }

    func cleanUp() {
        _ = try? server.stop(immediately: true)
        try? FileManager.default.removeItem(atPath: directory)
    }

    func path(_ name: String) -> String { "\(directory)/\(name)" }

    func database(_ name: String) -> String {
        url.replacingOccurrences(of: "/daybook?", with: "/\(name)?")
    }

    func withDatabase(_ name: String, _ body: () throws -> Void) throws {
        try run(psql, ["-Xqc", "CREATE DATABASE \(name)", url])
        defer { _ = try? run(psql, ["-Xqc", "DROP DATABASE \(name)", url]) }
        try body()
    }

    func query(_ name: String, _ sql: String) throws -> String {
        try Connection(database(name), applicationName: "bench").query(sql).first().get(0)
    }

    func version() throws -> String {
        try Connection(url, applicationName: "bench").query("SELECT split_part(version(), ' (', 1)").first()
            .get(0)
    }

    /// Runs the command that is built beside the benchmark.
    @discardableResult
    func daybook(_ arguments: [String], _ name: String) throws -> Usage {
        try run(DaybookCommand.path, arguments + ["--database", database(name)])
    }

    /// Runs a program to its end.
    @discardableResult
    func run(_ program: String, _ arguments: [String]) throws -> Usage {
        let outcome = try Shell.run(program, arguments, in: directory, ProcessInfo.processInfo.environment)
        guard outcome.status == 0 else {
            throw Failed(command: [program] + arguments, message: outcome.error)
        }
        return Usage(seconds: outcome.seconds, peakBytes: outcome.peakBytes)
    }

    static func say(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
    }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}
