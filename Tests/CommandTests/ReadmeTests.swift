import Foundation
import TestSupport
import Testing

/// The README is true: its commands run, its output is what they print, its tables name what is there.
@Suite
struct ReadmeTests {
    private let text: String

    init() throws {
        text = try String(contentsOfFile: "\(TestData.repository)/README.md", encoding: .utf8)
    }

    /// The fenced blocks of the README: language and content.
    private var blocks: [(language: String, content: String)] {
        var blocks: [(String, String)] = []
        for (index, part) in text.components(separatedBy: "\n```").enumerated() where index % 2 == 1 {
            let lines = part.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
            blocks.append((String(lines[0]), lines.count > 1 ? String(lines[1]) : ""))
        }
        return blocks
    }

    /// At which it has a server listen; another program may.
    private static let port = "54330"

    @Test("Every command in the README works, in an empty directory and in order")
    func commands() throws {
        let directory = "\(NSTemporaryDirectory())daybook-readme-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let command = DaybookCommand(in: directory, database: nil)
        defer {
            // Where a command failed, the server that one before it started is there.
            _ = try? command.run("db", "stop", "--project", "\(directory)/shop")
            try? FileManager.default.removeItem(atPath: directory)
        }
        let binaries = URL(fileURLWithPath: DaybookCommand.path).deletingLastPathComponent().path
        var environment = command.environment
        environment["PATH"] = "\(binaries):\(environment["PATH"] ?? "")"

        // One shell runs them all; a mark goes between the outputs of blocks.
        let shell = blocks.filter { $0.language == "sh" }.map(\.content)
        #expect(shell.count > 4)
        let listener = try TestAPI { _ in TestAPI.Answer("") }
        let port = String(listener.port)
        listener.stop()
        let script =
            "set -e\n"
            + shell.map { "\($0.replacingOccurrences(of: ReadmeTests.port, with: port))\nprintf '\\001'\n" }
            .joined()
        let outcome = try Shell.run("/bin/sh", ["-c", script], in: directory, environment)
        #expect(outcome.status == 0, "\(outcome.out) \(outcome.error)")

        // A text block is what the block of commands before it prints.
        let outputs = outcome.out.replacingOccurrences(of: port, with: ReadmeTests.port)
            .components(separatedBy: "\u{1}")
        var shellIndex = -1
        for block in blocks {
            if block.language == "sh" { shellIndex += 1 }
            guard block.language == "text", shellIndex < outputs.count else { continue }
            #expect(outputs[shellIndex].trimmingCharacters(in: .newlines) == block.content)
        }
    }

    @Test("The source of what is piped in, and the command that reads it")
    func standardInput() throws {
        let source = try #require(text.firstMatch(of: /`(\{"name": "\w+", "stdin": .*?\}\})`/)).1
        let name = try #require(text.firstMatch(of: /`program \| daybook load (\w+)`/)).1
        #expect(text.contains("`pipelines/\(name).jsonc`"))
        let project = try TemporaryProject()
        let database = try TestDatabase()
        try project.write(
            "pipelines/\(name).jsonc", "{ \"pipeline\": \"\(name)\", \"sources\": [ \(source) ] }")
        let command = DaybookCommand(in: project.directory, database: database.url)
        let line = "echo time=2026-01-05T10:00:00Z event=deploy.done"
        let outcome = try Shell.run(
            "/bin/sh", ["-c", "\(line) | \(DaybookCommand.path) load \(name)"], in: project.directory,
            command.environment)
        #expect(outcome.status == 0 && outcome.out.contains("1 loaded"), "\(outcome.out)\(outcome.error)")
    }

    @Test("The make targets in the README are there")
    func make() throws {
        let makefile = try String(contentsOfFile: "\(TestData.repository)/Makefile", encoding: .utf8)
        let words = text.split(whereSeparator: { $0.isWhitespace || $0 == "`" })
        let targets = Set(zip(words, words.dropFirst()).filter { $0.0 == "make" }.map { $0.1 })
        #expect(targets.isSuperset(of: ["demo", "test", "install", "bench"]))
        for target in targets { #expect(makefile.contains("\n\(target):"), "make \(target)") }
    }

    @Test("The folders in the README are there, and every module is in it")
    func folders() throws {
        let modules = try FileManager.default.contentsOfDirectory(atPath: "\(TestData.repository)/Sources")
        for module in modules where module != "CLibPQ" {
            #expect(text.contains("`Sources/\(module)`") || text.contains("`\(module)`"), "\(module)")
        }
    }
}
