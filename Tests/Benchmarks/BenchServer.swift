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
        cleanUpWhenInterrupted()
    }

    /// A server goes on when the process that started it is gone.
    private func cleanUpWhenInterrupted() {
        for number in [SIGINT, SIGTERM] {
            // Not SIG_IGN, which programs that are run would inherit.
            signal(number) { _ in }
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                // What is measured fails without its server: it is not to end before this has.
                BenchServer.cleaning.withLock {
                    remove()
                    exit(128 + number)
                }
            }
            source.resume()
            BenchServer.interruptions.append(source)
        }
    }

    private static let cleaning = NSLock()
    /// Kept as long as the process; one thread makes servers.
    private nonisolated(unsafe) static var interruptions: [any DispatchSourceSignal] = []

    func cleanUp() { BenchServer.cleaning.withLock { remove() } }

    private func remove() {
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
