import Foundation
import Pipeline
import TestSupport
import Testing
import Warehouse

/// Pipelines that read the output of programs, and standard input.
struct CommandLoadTests {
    /// A project whose only source is a program that tells of numbered events, from the number that it is given.
    private final class Scene {
        let project: TemporaryProject
        let database: TestDatabase

        /// - Parameter script: what the program does; `$1` is the cursor.
        init(_ script: String, _ command: String = "", event: String = Scene.event) throws {
            project = try TemporaryProject()
            database = try TestDatabase()
            try write(script)
            try define(command.isEmpty ? Scene.sorted : command, event: event)
        }

        static let sorted =
            #""run": ["./emit", "${cursor}"], "cursor_field": "offset", "initial": "1", "format": "ndjson""#
        static let event =
            #""event_id": "t-{offset}", "occurred_at": "ts", "type": "type", "case_id": "order""#

        func write(_ script: String) throws {
            try project.write("emit", "#!/bin/sh\n" + script)
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o755], ofItemAtPath: project.path("emit"))
        }

        func define(_ command: String, event: String = Scene.event) throws {
            try project.write(
                "pipelines/shop.jsonc",
                """
                { "pipeline": "shop", "entity": "order", "sources": [ { "name": "program",
                  "command": { \(command) }, "event": { \(event) } } ] }
                """)
        }

        /// Lines of events `$1` to `last`.
        static func lines(to last: Int, then: String = "") -> String {
            """
            awk -v from="$1" -v last=\(last) 'BEGIN { for (i = from; i <= last; i++)
              printf "{\\"offset\\":%d,\\"ts\\":%d,\\"type\\":\\"order.paid\\",\\"order\\":\\"o%d\\"}\\n", i, 1767225600 + i, i / 3 }'
            \(then)
            """
        }

        func command() -> DaybookCommand { DaybookCommand(in: project.directory, database: database.url) }

        func marks() throws -> [[String]] {
            try database.rows(
                "SELECT since, mark FROM daybook.pulls WHERE finished_at IS NOT NULL ORDER BY pull_id")
        }

        func expectAll(_ last: Int, _ label: String = "") throws {
            #expect(
                try database.rows("SELECT count(*), count(DISTINCT event_id), max(sequence) FROM raw.events")
                    .map { Array($0.prefix(2)) } == [["\(last)", "\(last)"]], "\(label)")
            let verified = try command().run("verify")
            #expect(verified.status == 0, "\(label) \(verified.out)\(verified.error)")
        }
    }

    @Test("The cursor goes to the next call, and what is told again is not loaded again")
    func cursor() throws {
        let scene = try Scene(Scene.lines(to: 100))
        #expect(try scene.project.counts(on: scene.database).loaded == 100)
        try scene.write(Scene.lines(to: 250))
        let counts = try scene.project.counts(on: scene.database)
        #expect(counts.loaded == 150 && counts.duplicate == 1)
        #expect(try scene.marks() == [["\"1\"", "\"100\""], ["\"100\"", "\"250\""]])
        try scene.expectAll(250)
    }

    @Test("Nothing new leaves the cursor where it is")
    func nothingNew() throws {
        let scene = try Scene(Scene.lines(to: 10))
        _ = try scene.project.counts(on: scene.database)
        try scene.write("exit 0")
        #expect(try scene.project.counts(on: scene.database).read == 0)
        try scene.write(Scene.lines(to: 12))
        #expect(try scene.project.counts(on: scene.database).loaded == 2)
    }

    @Test(
        "A program that fails says so with its exit code and its words; what it wrote stays, and the next goes on"
    )
    func failure() throws {
        let scene = try Scene(
            Scene.lines(to: 60, then: "printf '{\"offset\":61,\"ts\"'; echo 'the broker is gone' >&2; exit 7")
        )
        let report = try scene.project.run(on: scene.database)[0]
        #expect(report.status == .failed && report.counts.loaded == 60 && report.counts.rejected == 0)
        let words = report.error.map { "\($0)" } ?? ""
        #expect(words.contains("exited with code 7: the broker is gone") && words.contains("./emit"))
        try scene.write(Scene.lines(to: 80))
        let counts = try scene.project.counts(on: scene.database)
        #expect(counts.loaded == 20 && counts.duplicate == 1)
        try scene.expectAll(80)
    }

    @Test("A program that is ended by a signal, one that is not there, one that writes nothing")
    func strangeEnds() throws {
        let scene = try Scene("kill -9 $$")
        #expect("\(try scene.project.run(on: scene.database)[0].error!)".contains("ended by signal 9"))
        try scene.define(#""run": ["no-such-program"], "format": "ndjson""#)
        let outcome = try scene.command().run("load")
        #expect(outcome.status == 69 && outcome.error.contains("no-such-program is not there"))
        #expect(try scene.command().run("check").status == 69)
        try scene.write("exec sleep 60")
        try scene.define(#""run": ["./emit"], "format": "ndjson", "timeout": "1s""#)
        #expect("\(try scene.project.run(on: scene.database)[0].error!)".contains("written nothing for 1 s"))
    }

    @Test("What a program wrote before it fell silent is loaded, and the next call goes on from there")
    func silence() throws {
        let scene = try Scene(
            Scene.lines(to: 40, then: "exec sleep 60"),
            #""run": ["./emit", "${cursor}"], "cursor_field": "offset", "initial": "1", "format": "ndjson", "timeout": "2s""#
        )
        let report = try scene.project.run(on: scene.database)[0]
        #expect("\(report.error!)".contains("written nothing for 2 s") && report.counts.loaded == 40)
        try scene.write(Scene.lines(to: 50))
        #expect(try scene.project.counts(on: scene.database).loaded == 10)
        try scene.expectAll(50)
    }

    @Test("What comes slowly is committed while it comes")
    func trickle() throws {
        let scene = try Scene(
            "i=$1; while true; do printf '{\"offset\":%d,\"ts\":1767225600,\"type\":\"t\",\"order\":\"o\"}\\n' $i; i=$((i+1)); sleep 0.05; done"
        )
        let load = try scene.command().start(["load"])
        Thread.sleep(forTimeInterval: 9)
        load.send(SIGINT)
        #expect(try load.outcome().status == 130)
        #expect(try Int(scene.database.value("SELECT count(*) FROM raw.events") ?? "0")! > 40)
    }

    @Test("A program that fails keeps no other source from being read, and the cursor never goes back")
    func others() throws {
        let scene = try Scene("exit 1")
        try scene.project.write(
            "more.ndjson", "{\"offset\":1,\"ts\":1767225600,\"type\":\"t\",\"order\":\"o\"}\n")
        try scene.project.write(
            "pipelines/shop.jsonc",
            """
            { "pipeline": "shop", "entity": "order", "sources": [
              { "name": "program", "command": { \(Scene.sorted) }, "event": { \(Scene.event) } },
              { "name": "file", "file": { "path": "more.ndjson" }, "event": { \(Scene.event) } } ] }
            """)
        let report = try scene.project.run(on: scene.database)[0]
        #expect(report.status == .failed && report.counts.loaded == 1)
        try scene.write(Scene.lines(to: 90))
        _ = try scene.project.counts(on: scene.database)
        try scene.write(Scene.lines(to: 50).replacing("$1", with: "40"))
        _ = try scene.project.counts(on: scene.database)
        #expect(try scene.marks().last?[1] == "\"90\"")
    }

    @Test("Without a cursor each run reads all, and loads what is new")
    func withoutCursor() throws {
        let scene = try Scene(
            Scene.lines(to: 20).replacing("$1", with: "1"), #""run": ["./emit"], "format": "ndjson""#,
            event: #""occurred_at": "ts", "type": "type", "case_id": "order""#)
        #expect(try scene.project.counts(on: scene.database).loaded == 20)
        try scene.write(Scene.lines(to: 25).replacing("$1", with: "1"))
        let counts = try scene.project.counts(on: scene.database)
        #expect(counts.loaded == 5 && counts.duplicate == 20)
    }

    @Test("A cursor that goes back is no checkpoint; the highest is the next call's")
    func unsorted() throws {
        let scene = try Scene(
            "for i in 5 9 3; do echo \"{\\\"offset\\\":$i,\\\"ts\\\":176722560$i,\\\"type\\\":\\\"t\\\",\\\"order\\\":\\\"o\\\"}\"; done"
        )
        var notes: [String] = []
        _ = try scene.project.run(on: scene.database) { notes.append($0) }
        #expect(notes.contains { $0.contains("not in the order of \"offset\"") })
        #expect(try scene.marks() == [["\"1\"", "\"9\""]])
        #expect(
            try scene.database.value("SELECT count(*) FROM daybook.loads WHERE checkpoint IS NOT NULL") == "0"
        )
    }

    @Test("A line for the shell has the cursor in a variable; other formats are read too")
    func shell() throws {
        let scene = try Scene(
            "exit 0",
            #""run": "echo offset,ts,type,order; i=$cursor; while [ $i -le 30 ]; do echo $i,$((1767225600 + i)),paid,o$i; i=$((i+1)); done", "cursor_field": "offset", "initial": 1, "format": "csv""#
        )
        #expect(try scene.project.counts(on: scene.database).loaded == 30)
        #expect(try scene.marks() == [["\"1\"", "\"30\""]])
    }

    @Test("Secrets are in the program's environment, and nowhere else")
    func secrets() throws {
        let scene = try Scene(
            "cat /proc/$$/cmdline | tr '\\0' ' ' >&2; echo \"token $TOKEN\" >&2; exit 1",
            #""run": ["./emit"], "format": "ndjson", "environment": {"TOKEN": "${SHOP_TOKEN}"}"#)
        var command = scene.command()
        command.environment["SHOP_TOKEN"] = "s3cr3t-s3cr3t"
        let outcome = try command.run("load")
        #expect(outcome.status == 69 && outcome.error.contains("token ${SHOP_TOKEN}"))
        #expect(!outcome.error.contains("s3cr3t") && !outcome.out.contains("s3cr3t"))
        #expect(
            try scene.database.value("SELECT string_agg(r::text, '') FROM daybook.runs AS r")?.contains(
                "s3cr3t")
                == false)
        try scene.define(#""run": ["./emit", "--token=${SHOP_TOKEN}"], "format": "ndjson""#)
        let refused = try command.run("check")
        #expect(refused.status == 78 && refused.error.contains("everybody on the machine can see"))
    }

    @Test("Standard input is a source: each time what is piped in")
    func standardInput() throws {
        let scene = try Scene("exit 0")
        try scene.project.write(
            "pipelines/shop.jsonc",
            """
            { "pipeline": "shop", "sources": [ { "name": "piped", "stdin": { "format": "logfmt" },
              "event": { "type": "event", "case_id": "order" } } ] }
            """)
        try scene.project.write(
            "in.log",
            (1...50).map { "time=2026-01-01T00:00:\($0 < 10 ? "0" : "")\($0)Z event=paid order=o\($0)\n" }
                .joined())
        let environment = scene.command().environment
        for expected in ["50 loaded", "50 duplicate"] {
            let outcome = try Shell.run(
                "/bin/sh", ["-c", "\(DaybookCommand.path) load < in.log"], in: scene.project.directory,
                environment)
            #expect(outcome.status == 0 && outcome.out.contains(expected), "\(outcome.out)\(outcome.error)")
        }
        let packed = try Shell.run(
            "/bin/sh", ["-c", "gzip -c in.log | \(DaybookCommand.path) load"], in: scene.project.directory,
            environment)
        #expect(packed.status == 65 && packed.error.contains("compressed with gzip"))
    }

    @Test("Rows that the server refuses are found in what the program wrote, though it cannot be asked again")
    func refusedRows() throws {
        let scene = try Scene(Scene.lines(to: 10))
        _ = try scene.project.counts(on: scene.database)
        _ = try scene.database.rows(
            "ALTER TABLE raw.events_by_day ADD CONSTRAINT no_sevens CHECK (event_id !~ '-.7')")
        try scene.write(Scene.lines(to: 40))
        let counts = try scene.project.counts(on: scene.database)
        #expect(counts.loaded == 27 && counts.rejected == 3 && counts.duplicate == 1)
        let rejects = try scene.database.rows(
            "SELECT reason_code, convert_from(raw, 'UTF8') FROM daybook.rejects ORDER BY line")
        #expect(rejects.map { $0[0] } == Array(repeating: "refused_by_server", count: 3))
        #expect(
            zip(rejects, [17, 27, 37]).allSatisfy { reject, number in
                reject[1].hasPrefix("{\"offset\":\(number),") && reject[1].hasSuffix("}")
            })
    }

    @Test("kill -9 at random times: the calls together load each event once")
    func kills() throws {
        let seed = UInt64(ProcessInfo.processInfo.environment["DAYBOOK_TEST_SEED"] ?? "7") ?? 7
        var dice = Dice(seed: seed)
        let isTorture = ProcessInfo.processInfo.environment["DAYBOOK_TORTURE"] == "1"
        let last = 250_000
        for round in 0..<(isTorture ? 25 : 3) {
            let scene = try Scene(Scene.lines(to: last))
            var kills = 0
            while true {
                let load = try scene.command().start([
                    "load", "--lock-wait", "60", "--workers", "\(Int.random(in: 1...4, using: &dice))",
                ])
                if kills < 6 {
                    Thread.sleep(forTimeInterval: Double.random(in: 0...1.5, using: &dice))
                    load.send(SIGKILL)
                }
                let outcome = try load.outcome()
                guard outcome.signal == SIGKILL else {
                    #expect(outcome.status == 0, "\(outcome.error)")
                    break
                }
                kills += 1
            }
            try scene.expectAll(last, "round \(round), seed \(seed), \(kills) kills")
            #expect(try scene.marks().last?[1] == "\"\(last)\"")
        }
    }

    @Test(
        "Mistakes in definitions are told",
        arguments: [
            (#""run": [], "format": "ndjson""#, "empty array"),
            (#""run": ["a", "${cursor}"], "format": "ndjson""#, "say which field it is"),
            (#""run": ["a", "${cursor}"], "format": "ndjson", "cursor_field": "x""#, "lacks \"initial\""),
            (
                #""run": ["a"], "format": "ndjson", "initial": "x""#,
                "initial of sources[0] is for \"cursor_field\""
            ),
            (#""run": ["a"]"#, "lacks \"format\""),
            (#""run": 5, "format": "csv""#, "an array of words, or a line"),
            (#""run": ["a"], "format": "ndjson", "separator": ";""#, "is for csv and tsv"),
        ])
    func mistakes(_ command: String, _ expected: String) throws {
        let scene = try Scene("exit 0", command)
        let problems = try scene.project.project().read(["shop"])[0].problems
        #expect(problems.contains { $0.message.contains(expected) }, "\(problems.map(\.message))")
    }
}
