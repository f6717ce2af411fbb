import Foundation
import Postgres
import TestSupport
import Testing
import Warehouse

/// Logs that are broken at random and definitions that are mended later; rejects that are read again in portions, some
/// after runs of what came meanwhile, by programs that are killed. In the end all is as if every record had been read under
/// the mended definition from the start, each once.
@Suite(.serialized)
struct ReplayCrashTests {
    private let scale = CrashScale.chosen
    private static let files = ["a.ndjson", "b.csv", "c.json", "d.log"]

    /// - Parameter isMended: whether a time may stand in the other field, too.
    private func define(_ project: TemporaryProject, isMended: Bool) throws {
        let time = isMended ? #"["at", "when"]"# : #""at""#
        // Of the second event of a row the other field is a column of its own.
        let other = isMended ? #"{ "field": "got", "format": "%d.%m.%Y %H:%M:%S" }"# : #""got""#
        try project.write(
            "pipelines/p.jsonc",
            """
            { "pipeline": "p", "entity": "order", "clock": "data",
              "sources": [
                { "name": "a", "file": { "path": "a.ndjson" }, "keep_original": true, "event": {
                  "occurred_at": \(time), "type": "type", "case_id": "order" } },
                { "name": "b", "file": { "path": "b.csv" }, "events": [
                  { "type": {"value": "b.made"}, "occurred_at": "at", "case_id": "order" },
                  { "type": {"value": "b.got"}, "occurred_at": \(other), "case_id": "order" } ] },
                { "name": "c", "file": { "path": "c.json", "format": "json" }, "event": {
                  "event_id": "id", "occurred_at": \(time), "type": "type", "case_id": "order" } },
                { "name": "d", "file": { "path": "d.log", "format": "logfmt" }, "event": {
                  "event_id": {"derive": "content"}, "occurred_at": \(time), "type": "type", "case_id": "order" } } ],
              "slas": [ { "name": "s", "start": "t.0", "end": "t.1", "within": "1h" } ] }
            """)
    }

    /// Appends records to the files.
    ///
    /// - Parameter isMended: of the formats whose old form is none any more, only the new one.
    private func write(_ project: TemporaryProject, _ numbers: Range<Int>, _ dice: inout Dice, isMended: Bool)
        throws
    {
        var texts = ["", "", "", ""]
        if numbers.lowerBound == 0 {
            // What a file begins with tells which it is: it is as long from the start.
            let pad = String(repeating: "x", count: 1_100)
            texts = [
                #"{"pad":"\#(pad)","at":"2026-01-01T00:00:00Z","type":"t.0","order":"pad"}"# + "\n",
                "order,at,got,note\npad,2026-01-01T00:00:00Z,,\(pad)\n",
                #"{"id":"pad","pad":"\#(pad)","at":"2026-01-01T00:00:00Z","type":"t.0","order":"pad"}"#
                    + "\n",
                "pad=\(pad) at=2026-01-01T00:00:00Z type=t.0 order=pad\n",
            ]
        }
        for number in numbers {
            let day = 1 + dice.roll(4)
            let clock = "\(10 + dice.roll(10)):\(10 + dice.roll(50)):00"
            let time = "2026-01-0\(day)T\(clock)Z"
            let order = "o\(dice.roll(12))"
            let type = "t.\(dice.roll(3))"
            let field = dice.chance(0.4) ? "when" : "at"
            func record(_ id: String) -> String {
                #"{"id":"\#(id)","\#(field)":"\#(time)","type":"\#(type)","order":"\#(order)","n":\#(number)}"#
            }
            texts[0] += dice.chance(0.1) ? "{\"broken\":\n" : record("a\(number)") + "\n"
            let got = dice.chance(0.6) ? "0\(day).01.2026 \(clock)" : ""
            let made = dice.chance(0.1) ? "never" : time
            texts[1] += dice.chance(0.05) ? "\(order),short\n" : "\(order),\(made),\(got),\"n\n\(number)\"\n"
            texts[2] += dice.chance(0.05) ? "[1]\n" : record("c\(number)") + "\n"
            texts[3] +=
                dice.chance(0.1) ? "=\"\n" : "n=\(number) \(field)=\(time) type=\(type) order=\(order)\n"
        }
        for (name, text) in zip(ReplayCrashTests.files, texts) {
            if numbers.lowerBound == 0 {
                try project.write(name, text)
            } else {
                try project.append(name, text)
            }
        }
    }

    @Test("Random logs, mended definitions, portions and kills")
    func histories() throws {
        var kills = 0
        for round in 0..<(scale.isTorture ? 40 : 2) {
            var dice = scale.dice(900 + round)
            kills += try history(&dice, "round \(round), seed \(scale.seed)")
        }
        #expect(kills > 0)
        tell("replays: \(kills) kills")
    }

    private func history(_ dice: inout Dice, _ label: String) throws -> Int {
        let project = try TemporaryProject()
        let database = try TestDatabase()
        var command = DaybookCommand(in: project.directory, database: database.url)
        try define(project, isMended: false)
        try write(project, 0..<25, &dice, isMended: false)
        #expect(try command.run("run").status == 0, "\(label)")
        var written = 25
        if dice.chance(0.5) {
            try write(project, written..<written + 10, &dice, isMended: false)
            written += 10
            #expect(try command.run("run").status == 0, "\(label)")
        }
        try define(project, isMended: true)
        var kills = 0
        for _ in 0..<4 {
            let waiting = try database.rows(
                "SELECT reject_id FROM daybook.rejects WHERE replayed_at IS NULL ORDER BY reject_id"
            ).map { $0[0] }
            var arguments = ["rejects", "replay"]
            switch dice.roll(3) {
            case 0: arguments += ["--source", ["a", "b", "c", "d"][dice.roll(4)]]
            case 1: arguments += ["--reason", ["missing_time", "bad_time"][dice.roll(2)]]
            default:
                let some = waiting.filter { _ in dice.chance(0.3) }
                arguments += some.isEmpty ? ["--all"] : some
            }
            if dice.chance(0.5) { arguments.append("--no-transform") }
            let point = FailPoint.ofReplay[dice.roll(FailPoint.ofReplay.count)]
            command.environment["DAYBOOK_FAIL_POINT"] =
                dice.chance(0.7) ? "\(point):\(1 + dice.roll(2))" : nil
            let outcome = try command.start(arguments).outcome()
            command.environment["DAYBOOK_FAIL_POINT"] = nil
            if outcome.signal == SIGKILL { kills += 1 }
            #expect(
                outcome.signal == SIGKILL || [0, 65].contains(outcome.status),
                "\(label) \(arguments) \(outcome.error)")
            #expect(try Verification.problems(Warehouse.connect(database.url)) == [], "\(label)")
            if dice.chance(0.4) {
                try write(project, written..<written + 5, &dice, isMended: true)
                written += 5
                #expect(try command.run("run").status == 0, "\(label)")
            }
        }
        let last = try command.run("rejects", "replay", "--all")
        #expect([0, 65].contains(last.status), "\(label) \(last.error)")
        #expect(try command.run("run").status == 0, "\(label)")
        try compare(database, project, label)
        let deep = try command.run("verify", "--deep")
        #expect(deep.status == 0, "\(label) \(deep.out) \(deep.error)")
        return kills
    }

    /// Compares what is stored with a load of the same files by the mended definition.
    private func compare(_ database: TestDatabase, _ project: TemporaryProject, _ label: String) throws {
        let fresh = try TestDatabase()
        #expect(try DaybookCommand(in: project.directory, database: fresh.url).run("run").status == 0)
        let (found, ought) = (try WarehouseState(of: database.url), try WarehouseState(of: fresh.url))
        #expect(found.days == ought.days, "\(label)")
        #expect(found.leftovers == [], "\(label)")
        #expect(found.problems == [], "\(label)")
        for query in [
            """
            SELECT s.name, r.object, r.line, r.byte_offset, r.event_index, r.reason_code, r.raw
            FROM daybook.rejects AS r JOIN daybook.sources AS s USING (source_id)
            WHERE r.replayed_at IS NULL ORDER BY 1, 4, 5
            """,
            "SELECT * FROM report.cases ORDER BY case_id",
            "SELECT * FROM report.fact_sla ORDER BY case_id, cycle",
            """
            SELECT e.event_day, e.position, o.bytes FROM raw.events AS e JOIN raw.originals AS o USING (load_id, position)
            ORDER BY 1, 2, 3
            """,
        ] {
            #expect(try database.rows(query) == fresh.rows(query), "\(label): \(query)")
        }
        // Each record in one place: those of the files, less what waits no more, and what the replays made of that.
        #expect(
            try database.value(
                """
                SELECT sum(read) FILTER (WHERE NOT is_replay) - sum(rejected)
                    = sum(loaded + duplicate + filtered) FILTER (WHERE NOT is_replay) FROM daybook.loads
                """) == "t", "\(label)")
    }
}
