import Foundation
import Postgres
import SQLFiles
import TestSupport
import Testing

/// What was rejected, and its second chance, as people and programs see it.
@Suite
struct RejectsTests {
    private let project: TemporaryProject
    private let database: TestDatabase
    private let command: DaybookCommand

    init() throws {
        project = try TemporaryProject()
        database = try TestDatabase()
        command = DaybookCommand(in: project.directory, database: database.url)
        try define()
        try project.write(
            "a.ndjson",
            """
            {"id":"1","at":"2026-01-01T08:00:00Z","type":"order.created","order":"o1"}
            {"id":"2","at":"2026-01-01 09:00 PM","type":"order.paid","order":"o1"}
            <script>\u{1B}[31m%s\\
            {"id":"3","at":"2026-01-01 07:00 AM","type":"order.created","order":"o2"}

            """)
        try project.write(
            "b.csv",
            """
            order,made,left,note
            o1,2026-01-02T00:00:00Z,03.01.2026 10:00,"two
            lines"
            o2,02.01.2026 09:00,03.01.2026 10:00,both
            o3,2026-01-01T00:00:00Z

            """)
    }

    private func define(isMended: Bool = false, more: String = "", pipeline: String = "") throws {
        func time(_ field: String, _ format: String) -> String {
            isMended ? #"{"field":"\#(field)","format":"\#(format)"}"# : #""\#(field)""#
        }
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "entity": "order", "clock": "data"\(pipeline),
              "sources": [
                { "name": "shop", "file": { "path": "a.ndjson" }\(more),
                  "event": { "event_id": "id", "occurred_at": \(time("at", "%Y-%m-%d %I:%M %p")), "type": "type",
                    "case_id": "order" } },
                { "name": "parcels", "file": { "path": "b.csv" },
                  "events": [
                    { "type": {"value": "parcel.made"}, "occurred_at": "made", "case_id": "order" },
                    { "type": {"value": "parcel.left"}, "occurred_at": \(time("left", "%d.%m.%Y %H:%M")),
                      "case_id": "order" } ] } ],
              "slas": [ { "name": "paid", "start": "order.created", "end": "order.paid", "within": "1h" } ] }
            """)
    }

    private func json(_ outcome: DaybookCommand.Outcome) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(outcome.out.utf8)) as? [String: Any])
    }

    private func waiting() throws -> [[String]] {
        try database.rows(
            """
            SELECT object, line, reason_code, attempts FROM daybook.rejects
            WHERE replayed_at IS NULL AND discarded_at IS NULL ORDER BY reject_id
            """)
    }

    @Test("Rejects are listed by reason, and one is shown with its place and its bytes")
    func listAndShow() throws {
        #expect(try command.run("rejects").error.contains("holds nothing yet"))
        _ = try command.run("run")
        let list = try command.run("rejects", "list")
        #expect(list.status == 0)
        #expect(list.out.contains("orders/shop     bad_time              2"))
        #expect(list.out.contains("7 rejects waiting"))
        let document = try json(try command.run("rejects", "--json", "--source", "shop"))
        #expect(document["waiting"] as? Int == 3)
        #expect((document["groups"] as? [[String: Any]])?.count == 2)

        // What could steer a terminal is escaped, and what is a secret of no one is shown as it is.
        let shown = try command.run("rejects", "show", "2")
        #expect(shown.out.contains("a.ndjson line 3 (byte "))
        #expect(shown.out.contains(#"<script>\u{1b}[31m%s\\"#))
        let hex = try json(try command.run("rejects", "show", "2", "--hex", "--json"))
        #expect((hex["hex"] as? String)?.hasPrefix("3c7363726970743e1b5b33316d") == true)
        #expect(try command.run("rejects", "show", "99").status == 1)
        #expect(try command.run("rejects", "show", "x").status == 64)
        #expect(try command.run("rejects", "17").error.contains("daybook rejects show 17"))
        #expect(try command.run("rejects", "list", "--reason", "bad_tim").error.contains("\"bad_time\""))
        #expect(try command.run("rejects", "list", "--source", "shp").error.contains("\"shop\""))
        #expect(try command.run("rejects", "list", "--pipeline", "o'; DROP").status == 64)
        #expect(
            try command.run("rejects", "show", "1", "--why", "x").error.contains("is for rejects discard"))
    }

    @Test("What is good under a mended definition is loaded once, as if it had always been")
    func replay() throws {
        _ = try command.run("run")
        #expect(try command.run("rejects", "replay").status == 64)
        #expect(try command.run("rejects", "replay", "1", "--all").status == 64)
        // Nothing is mended: not one is good.
        let vain = try command.run("rejects", "replay", "--all")
        #expect(vain.status == 65)
        #expect(vain.out.contains("7 rejects: 7 rejected again"))
        #expect(try waiting().allSatisfy { $0[3] == "2" })

        try define(isMended: true)
        let loads = try database.rows("SELECT load_id FROM daybook.loads")
        let rehearsal = try json(try command.run("rejects", "replay", "--all", "--dry-run", "--json"))
        let facts = try #require(rehearsal["facts"] as? [[String: Any]])
        #expect(facts.contains { $0["status_after"] as? String == "completed" })
        #expect(rehearsal["alerts"] as? [Any] != nil)
        #expect(try waiting().count == 7)
        #expect(try database.rows("SELECT load_id FROM daybook.loads") == loads)

        let replayed = try json(try command.run("rejects", "replay", "--all", "--json"))
        let run = try #require((replayed["runs"] as? [[String: Any]])?.first)
        #expect((run["replay"] as? [String: Any])?["loaded"] as? Int == 4)
        #expect(try waiting().map { $0[2] } == ["malformed_json", "bad_time", "malformed_csv"])
        // Each event of a record that was rejected has the id of its place; one that was loaded came once.
        #expect(
            try database.rows(
                """
                SELECT case_id, substr(event_id, strpos(event_id, ':')), occurred_at, position
                FROM raw.events WHERE type LIKE 'parcel%' ORDER BY 1, 2
                """) == [
                    ["o1", ":21:0", "2026-01-02 00:00:00+00", "21"],
                    ["o1", ":21:1", "2026-01-03 10:00:00+00", "21"],
                    ["o2", ":74:1", "2026-01-03 10:00:00+00", "74"],
                ])
        #expect(try database.value("SELECT status FROM report.fact_sla WHERE case_id = 'o1'") == "completed")
        #expect(
            try database.value(
                "SELECT count(*) FROM daybook.loads WHERE read <> loaded + duplicate + rejected + filtered")
                == "0")
        #expect(try command.run("rejects", "replay", "--all").out.contains("0 loaded") == false)
        #expect(try database.value("SELECT count(*) FROM raw.events") == "6")
        #expect(try command.run("verify").status == 0)
        let again = try command.run("rejects", "replay", "1")
        #expect(again.status == 64)
        #expect(again.error.contains("was good: loaded"))
        #expect(try command.run("rejects", "show", "1").out.contains("loaded at"))
        // The next run finds nothing that it would read once more.
        #expect(try command.run("run").out.contains("0 read"))
    }

    @Test("A record whose later version came meanwhile changes nothing")
    func superseded() throws {
        _ = try command.run("run")
        try define(isMended: true)
        try project.append(
            "a.ndjson", #"{"id":"2","at":"2026-01-01 11:00 PM","type":"order.paid","order":"o1"}"# + "\n")
        _ = try command.run("run")
        let replayed = try command.run("rejects", "replay", "--source", "shop", "--reason", "bad_time")
        #expect(replayed.out.contains("1 loaded, 1 older than what is there"))
        #expect(
            try database.value("SELECT completed_at FROM report.fact_sla WHERE case_id = 'o1'")
                == "2026-01-01 23:00:00+00")
        #expect(
            try database.rows("SELECT read, loaded, duplicate FROM daybook.loads WHERE is_replay") == [
                ["2", "1", "1"]
            ])
        #expect(try command.run("verify").status == 0)
    }

    @Test(
        "Where the last coming is kept, a record that came before it changes nothing, and one behind it does")
    func supersededByContent() throws {
        let keeps = #", "on_change": "keep_last""#
        func record(_ id: Int, _ at: String, _ amount: Int) -> String {
            #"{"id":"\#(id)","at":"2026-01-01 \#(at)","type":"order.created","order":"o\#(id)","amount":\#(amount)}"#
                + "\n"
        }
        try define(more: keeps)
        // Of 1 the first is good under the mended definition alone; of 2 and 3 something is there before.
        try project.write(
            "a.ndjson",
            record(1, "08:00 AM", 1) + record(2, "08:00:00Z", 1) + record(2, "08:00 AM", 2)
                + record(3, "08:00:00Z", 1) + record(3, "08:00 AM", 2))
        _ = try command.run("run")
        try define(isMended: true, more: keeps)
        try project.append("a.ndjson", record(1, "08:00 AM", 3) + record(2, "08:00 AM", 3))
        _ = try command.run("run")
        let replayed = try command.run("rejects", "replay", "--source", "shop", "--all")
        #expect(replayed.out.contains("2 older than what is there"), "\(replayed.out)")
        #expect(
            try database.rows(
                "SELECT case_id, details ->> 'amount' FROM raw.events WHERE type = 'order.created' ORDER BY 1"
            )
                == [["o1", "3"], ["o2", "3"], ["o3", "2"]])
        #expect(
            try database.rows(
                "SELECT outcome FROM daybook.rejects WHERE object = 'a.ndjson' ORDER BY reject_id")
                == [["superseded"], ["superseded"], ["duplicate"]])
        #expect(try command.run("verify").status == 0)
    }

    @Test(
        "A later version counts also where no transform has seen it, or on a day that was compacted before one has"
    )
    func supersededUnseen() throws {
        func paid(_ at: String) -> String {
            #"{"id":"5","at":"\#(at)","type":"order.paid","order":"o5"}"# + "\n"
        }
        try project.write(
            "a.ndjson",
            #"{"id":"4","at":"2026-01-01T08:00:00Z","type":"order.created","order":"o5"}"# + "\n"
                + paid("2026-01-03 09:00 AM"))
        _ = try command.run("run")
        try define(isMended: true)
        try project.append("a.ndjson", paid("2026-01-09 09:00 AM"))
        _ = try command.run("load")
        let connection = try database.connect()
        for isCompacted in [false, true] {
            if isCompacted {
                try connection.execute(
                    "SELECT daybook.show_segments(); SELECT daybook.compact_day('2026-01-09')")
            }
            let replayed = try command.run("rejects", "replay", "--source", "shop", "--all", "--dry-run")
            #expect(replayed.out.contains("1 older than what is there"), "\(replayed.out)")
        }
        _ = try command.run("rejects", "replay", "--source", "shop", "--all")
        #expect(
            try database.value("SELECT completed_at FROM report.fact_sla WHERE case_id = 'o5'")
                == "2026-01-09 09:00:00+00")
        #expect(try command.run("verify").status == 0)
    }

    @Test("Rejects of cases that nobody knows open no day but their own")
    func unknownCases() throws {
        let days = (10..<30).map { "2026-01-\($0)" }
        try project.write(
            "a.ndjson",
            days.enumerated().map { number, day in
                #"{"id":"\#(number)","at":"\#(day)T08:00:00Z","type":"order.created","order":"o\#(number)"}"#
                    + "\n"
                    + #"{"id":"n\#(number)","at":"2026-01-05 08:00 AM","type":"order.created","order":"n\#(number)"}"#
                    + "\n"
            }.joined())
        _ = try command.run("run")
        try define(isMended: true)
        func scans() throws -> String? {
            // What a session has counted is told when it ends.
            var (before, now): (String?, String?) = ("", nil)
            while before != now {
                before = now
                Thread.sleep(forTimeInterval: 0.3)
                now = try database.value(
                    """
                    SELECT sum(seq_scan + idx_scan) FROM pg_stat_user_tables
                    WHERE schemaname = 'raw' AND relname BETWEEN 'events_20260110' AND 'events_20260129'
                    """)
            }
            return now
        }
        let before = try scans()
        let replayed = try command.run("rejects", "replay", "--source", "shop", "--all", "--no-transform")
        #expect(replayed.out.contains("20 rejects: 20 loaded"), "\(replayed.out)")
        #expect(try scans() == before)
    }

    @Test("A reject that the database cannot hold is refused by itself")
    func foreignEncoding() throws {
        let server = try database.connect()
        let name = "\(database.name)_latin1"
        try server.execute(
            "CREATE DATABASE \(name) ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        defer { try? server.execute("DROP DATABASE \(name) WITH (FORCE)") }
        try project.write(
            "a.ndjson",
            ["é", "漢", "o3", "o4"].enumerated().map { number, order in
                #"{"id":"\#(number)","at":"2026-01-01 08:00 AM","type":"order.created","order":"\#(order)"}"#
                    + "\n"
            }.joined())
        let url = database.url.replacingOccurrences(of: database.name, with: name)
        let command = DaybookCommand(in: project.directory, database: url)
        _ = try command.run("run")
        try define(isMended: true)
        let replayed = try command.run("rejects", "replay", "--source", "shop", "--all")
        #expect(replayed.status == 0, "\(replayed.error)")
        #expect(replayed.out.contains("4 rejects: 3 loaded, 1 rejected again"), "\(replayed.out)")
        let other = try Connection(url, applicationName: "tests")
        let reject = try other.query(
            "SELECT reason_code, reason FROM daybook.rejects WHERE replayed_at IS NULL AND object = 'a.ndjson'"
        ).first()
        #expect(try reject.get(0) == "refused_by_server")
        #expect(try reject.get(1, as: String.self).contains("LATIN1"))
        #expect(try command.run("verify").status == 0)
    }

    @Test("What was discarded waits no more, says why, and is read again by its number alone")
    func discard() throws {
        _ = try command.run("run")
        #expect(try command.run("rejects", "discard", "1").error.contains("say why"))
        #expect(try command.run("rejects", "discard", "--why", "x").status == 64)
        let rehearsed = try command.run(
            "rejects", "discard", "--reason", "bad_time", "--why", "x", "--dry-run")
        #expect(rehearsed.out.contains("orders/shop: 2 rejects would be discarded (bad_time)"))
        #expect(try waiting().count == 7)
        let why = "it's \"test\" data; DROP TABLE x; -- %s"
        #expect(try command.run("rejects", "discard", "1", "3", "--why", why, "--by", "ann").status == 0)
        #expect(try waiting().count == 5)
        #expect(try command.run("rejects", "show", "1").out.contains("by ann: \(why)"))
        let document = try json(try command.run("rejects", "list", "--json"))
        #expect(document["waiting"] as? Int == 5)
        #expect(document["discarded"] as? Int == 2)
        try define(isMended: true)
        _ = try command.run("rejects", "replay", "--source", "shop", "--all")
        #expect(try database.value("SELECT outcome FROM daybook.rejects WHERE reject_id = 1") == nil)
        #expect(
            try command.run("rejects", "replay", "1", "--no-transform").out.contains("1 reject: 1 loaded"))
        #expect(try database.value("SELECT outcome FROM daybook.rejects WHERE reject_id = 1") == "loaded")
        #expect(try command.run("runs").out.contains("replay"))
    }

    @Test("What the bytes alone cannot tell is read where it came from, or told why it cannot be")
    func needsMore() throws {
        // Of a source that redacts, the bytes lack something; a line that is too long was cut; a header is kept.
        try define(more: #", "redact": {"details.card": "drop"}"#)
        try project.write(
            "a.ndjson",
            #"{"id":"1","at":"2026-01-01 08:00 AM","type":"order.created","order":"o1","card":"4711"}"# + "\n"
                + #"{"id":"9","at":"2026-01-01T08:00:00Z","type":"order.created","order":"o9"}"# + "\n")
        _ = try command.run("run")
        #expect(try database.value("SELECT count(*) FROM daybook.rejects WHERE is_redacted") == "1")
        #expect(
            try database.value("SELECT columns FROM daybook.loads WHERE object = 'b.csv'")
                == "{order,made,left,note}")
        let dropped = try database.value(
            "SELECT position('4711' in encode(raw, 'escape')) FROM daybook.rejects WHERE is_redacted")
        #expect(dropped == "0")
        try define(isMended: true, more: #", "redact": {"details.card": "drop"}"#)
        try FileManager.default.moveItem(atPath: project.path("a.ndjson"), toPath: project.path("a.gone"))
        let gone = try command.run("rejects", "replay", "--source", "shop")
        #expect(gone.status == 65)
        #expect(gone.out.contains("1 that cannot be read again"))
        #expect(
            gone.out.contains(
                "the source redacts fields, and a.ndjson is not there as it was read; put it back"))
        try FileManager.default.moveItem(atPath: project.path("a.gone"), toPath: project.path("a.ndjson"))
        #expect(try command.run("rejects", "replay", "--source", "shop").out.contains("1 reject: 1 loaded"))
        #expect(try database.value("SELECT count(*) FROM raw.events WHERE details ? 'card'") == "0")
        // The file with the header may be gone.
        try FileManager.default.removeItem(atPath: project.path("b.csv"))
        #expect(try command.run("rejects", "replay", "--source", "parcels").out.contains("2 loaded"))
        #expect(try command.run("verify").status == 0)
    }

    @Test("A replay waits for the lock of its pipeline, and says who has it")
    func lock() throws {
        _ = try command.run("run")
        let holder = try database.connect()
        try holder.query("SELECT pg_advisory_lock(\(0x6461_7962), hashtext('orders'))")
        #expect(try command.run("rejects", "replay", "--all", "--lock-wait", "0").status == 75)
    }

    // MARK: - Dead letters and originals

    private func defineDeadLetters(role: String) throws {
        try project.write(
            "dlq.ndjson",
            """
            {"order":"o1","at":"2026-01-01T08:30:00Z","queue":"pay <b>","error":"timeout"}
            {"order":"o7","at":"2026-01-01T08:31:00Z","queue":"pay","error":"it's gone"}

            """)
        try project.write(
            "pipelines/letters.jsonc",
            """
            { "pipeline": "letters", "entity": "order", "clock": "data",
              "sources": [ { "name": "dlq", "role": "\(role)", "file": { "path": "dlq.ndjson" }, "keep_original": true,
                "event": { "occurred_at": "at", "case_id": "order"\(role == "events" ? #", "type": {"value": "dead_letter"}"# : "") } } ] }
            """)
    }

    @Test("A dead letter is no event of its case, until its source says that it is")
    func deadLetters() throws {
        try defineDeadLetters(role: "dead_letter")
        _ = try command.run("run")
        func cases() throws -> [[String]] {
            try database.rows("SELECT case_id, events, last_type FROM report.cases ORDER BY 1")
        }
        #expect(
            try database.rows(
                "SELECT case_id, queue, error, type, source FROM report.dead_letters ORDER BY 1") == [
                    ["o1", "pay <b>", "timeout", "dead_letter", "dlq"],
                    ["o7", "pay", "it's gone", "dead_letter", "dlq"],
                ])
        #expect(try cases().map { $0[0] } == ["o1"])
        #expect(
            try database.connect().query(SQLFiles.builtin.text("report/page_sources.sql"), ["paid"]).rows.map
            {
                try $0.get("source", as: String.self)
            } == ["orders.parcels", "orders.shop"])
        // A queue that is empty while all is well holds back no hour.
        #expect(
            try database.value(
                "SELECT count(*) FROM daybook.watermarks AS w JOIN daybook.sources AS s ON s.source_id = w.held_by WHERE s.name = 'dlq'"
            ) == "0")
        let before = try cases()
        try defineDeadLetters(role: "events")
        _ = try command.run("run")
        #expect(try cases().map { $0[0] } == ["o1", "o7"])
        #expect(try database.rows("SELECT * FROM report.dead_letters") == [])
        try defineDeadLetters(role: "dead_letter")
        _ = try command.run("run")
        #expect(try cases() == before)
        let rebuilt = try database.rows("SELECT * FROM report.cases ORDER BY 1")
        _ = try command.run("transform", "--full-refresh")
        #expect(try database.rows("SELECT * FROM report.cases ORDER BY 1") == rebuilt)
        #expect(try command.run("verify").status == 0)
    }

    @Test(
        "Dead letters with a type that an SLA waits for are a doubt, and ids that are unique in the project a mistake"
    )
    func deadLetterDefinitions() throws {
        func letters(_ more: String, _ type: String) throws {
            try project.write(
                "dlq.ndjson", #"{"order":"o1","at":"2026-01-01T08:30:00Z","kind":"order.paid"}"# + "\n")
            try project.write(
                "pipelines/letters.jsonc",
                """
                { "pipeline": "letters", "entity": "order",
                  "sources": [ { "name": "dlq", "role": "dead_letter", "file": { "path": "dlq.ndjson" }\(more),
                    "event": { "occurred_at": "at", "case_id": "order"\(type) } } ] }
                """)
        }
        try define(isMended: true)
        for type in [#", "type": "kind""#, #", "type": {"value": "order.paid"}"#] {
            try letters("", type)
            let check = try command.run("check")
            #expect(check.status == 0)
            #expect(
                (check.out + check.error).contains(
                    "dead letters of dlq have a type that paid waits for (\"order.paid\")"))
        }
        try letters("", "")
        #expect(!(try command.run("check").out.contains("dead letters")))
        try letters(#", "identity": "project""#, "")
        #expect(try command.run("check").status == 78)
    }

    @Test("Originals are kept as they came, without what is redacted, and go with their day")
    func originals() throws {
        try define(isMended: true, more: #", "keep_original": true, "redact": {"details.card": "drop"}"#)
        let records = (0..<700).map { number in
            #"{"id":"\#(number)","at":"2026-01-0\#(1 + number % 3) 08:00 AM","type":"é","order":"o1","pad":"\#(String(repeating: "x", count: 200))"}"#
        }
        try project.write("a.ndjson", records.joined(separator: "\r\n") + "\r\n")
        _ = try command.run("run")
        let stored = try database.rows(
            """
            SELECT convert_from(o.bytes, 'UTF8'), convert_from(raw.original(e.load_id, e.position), 'UTF8')
            FROM raw.events AS e JOIN raw.originals AS o USING (load_id, position)
            ORDER BY e.position
            """)
        #expect(stored.map { $0[0] } == records)
        #expect(stored.allSatisfy { $0[0] == $0[1] })
        #expect(Int(try database.value("SELECT count(*) FROM raw.original_packs") ?? "") ?? 0 < 20)
        // A duplicate brings no record.
        try project.append("a.ndjson", records[0] + "\n")
        _ = try command.run("run")
        #expect(try database.value("SELECT count(*) FROM raw.originals") == "700")
        try project.append(
            "a.ndjson", #"{"id":"c","at":"2026-01-01 08:00 AM","type":"é","order":"o1","card":"4711"}"# + "\n"
        )
        _ = try command.run("run")
        #expect(
            try database.value(
                "SELECT convert_from(raw.original(load_id, position), 'UTF8') FROM raw.events WHERE event_id = 'c'"
            )
                == #"{"id":"c","at":"2026-01-01 08:00 AM","type":"é","order":"o1"}"#)
        #expect(try command.run("retain", "--raw", "1d").status == 0)
        #expect(
            try database.value(
                "SELECT count(*) FROM raw.originals AS o WHERE NOT EXISTS (SELECT FROM raw.events AS e WHERE e.event_day = o.event_day)"
            ) == "0")
    }
}
