import Events
import Foundation
import Postgres
import TestSupport
import Testing
import Warehouse

/// Batches into leaves: what is new, what was there, and whether each value arrives as it left.
@Suite
struct LoaderTests {
    private let warehouse: LoadingWarehouse

    init() throws { warehouse = try LoadingWarehouse() }

    private func stored() throws -> Int {
        try warehouse.connection.query("SELECT count(*) FROM raw.events").first().get(0)
    }

    private func isSound(_ counts: LoadCounts...) throws {
        let read: Int = try warehouse.connection.query("SELECT sum(read) FROM daybook.loads").first().get(0)
        #expect(counts.reduce(0) { $0 + $1.read } == read)
        #expect(try warehouse.problems() == [])
    }

    private func length(_ text: String) -> Int64 { Int64(text.utf8.count) }

    @Test("A leaf that was counted while it was empty makes no load slow", .timeLimit(.minutes(2)))
    func countedWhileEmpty() throws {
        let lines = { (numbers: Range<Int>) in
            numbers.map {
                "{\"id\":\"e\($0)\",\"case\":\"c\($0)\",\"time\":\"2026-02-03T10:00:00Z\",\"type\":\"t\"}\n"
            }.joined()
        }
        // A batch that is lost leaves rows that nobody sees, and autovacuum counts what is there.
        try warehouse.connection.query("SELECT daybook.make_leaf('2026-02-03', false)")
        try warehouse.connection.execute(
            """
            BEGIN;
            INSERT INTO raw.events_20260203
            SELECT '2026-02-03 00:00Z', 1, i, i, '2026-02-03', 1, 'order', 'c' || i, 'e' || i, 'order.made', 'shop'
            FROM generate_series(1, 24000) AS i;
            ROLLBACK;
            ANALYZE raw.events_20260203
            """)
        try warehouse.load(lines(0..<24_000))
        let counts = try warehouse.load(lines(23_000..<80_000), object: "b")
        #expect((counts.loaded, counts.duplicate) == (56_000, 1_000))
    }

    @Test("Duplicates inside a batch: the first stays, the others are counted, conflicting where they differ")
    func inside() throws {
        let lines =
            line(1) + line(2, extra: ",\"seq\":1") + line(1) + line(2, extra: ",\"seq\":2")
            + line(2, extra: ",\"seq\":1") + line(1, time: "2026-01-02T00:00:00Z") + "\n" + "broken\n"
        let counts = try warehouse.load(lines)
        #expect(counts.loaded == 3 && counts.duplicate == 3 && counts.conflicting == 1)
        #expect(counts.rejected == 1 && counts.filtered == 1 && counts.read == 8)
        #expect(try warehouse.database.value("SELECT sequence FROM raw.events WHERE event_id = 'e2'") == "1")
        try isSound(counts)
    }

    @Test("Content is compared as jsonb, inside a batch as across batches", arguments: [true, false])
    func contentAsJSON(_ isOneBatch: Bool) throws {
        let first = line(1, extra: ",\"details\":{\"a\":1,\"b\":2}")
        let second = line(1, extra: ",\"details\":{\"b\": 2, \"a\": 1}")
        var conflicting = 0
        if isOneBatch {
            conflicting = try warehouse.load(first + second).conflicting
        } else {
            try warehouse.load(first)
            conflicting = try warehouse.load(second, at: length(first)).conflicting
        }
        #expect(conflicting == 0)
    }

    @Test("Duplicates across batches of one run, known to it or not", arguments: [true, false])
    func acrossBatches(_ isRemembered: Bool) throws {
        let first = (1...500).map { line($0) }.joined()
        let second = (400...800).map { line($0, extra: $0 == 450 ? ",\"seq\":9" : "") }.joined()
        let keys = RecentKeys()
        var loader = Loader(warehouse.connection, recentKeys: keys)
        let a = try warehouse.load(first, with: &loader)
        var other = Loader(warehouse.connection, recentKeys: isRemembered ? keys : RecentKeys())
        let b = try warehouse.load(second, at: length(first), with: &other)
        #expect(a.loaded == 500 && a.duplicate == 0)
        #expect(b.loaded == 300 && b.duplicate == 101 && b.conflicting == 1)
        #expect(try stored() == 800)
        try isSound(a, b)
    }

    @Test(
        "A repeated event waits for the COPY of the batch that brought it first, and is not inserted before it"
    )
    func turns() throws {
        let keys = RecentKeys()
        let earlier = try LoadingWarehouse.batch(line(1) + line(2))
        let runs = EventOrder(earlier).runs
        let turn = keys.split(runs, of: earlier, scope: warehouse.sourceID).turn
        let begun = DispatchSemaphore(value: 0)
        let loaded = DispatchSemaphore(value: 0)
        nonisolated(unsafe) let warehouse = warehouse
        let errors = atOnce(2) { thread in
            if thread == 0 {
                var loader = Loader(warehouse.connection, recentKeys: keys)
                begun.signal()
                try warehouse.load(line(2) + line(3), at: 1000, with: &loader)
                loaded.signal()
            } else {
                begun.wait()
                #expect(loaded.wait(timeout: .now() + 0.5) == .timedOut)
                keys.settle(turn)
                #expect(loaded.wait(timeout: .now() + 4) == .success)
            }
        }
        #expect(errors.isEmpty)
        #expect(try stored() == 2)
    }

    @Test("A loader that met duplicates stages until a batch has none, and counts the same all along")
    func staging() throws {
        let parts = (0..<6).map { part in (part * 100..<part * 100 + 100).map { line($0) }.joined() }
        try warehouse.load(parts[0] + parts[1] + parts[2])
        var loader = Loader(warehouse.connection, recentKeys: RecentKeys())
        var position: Int64 = 0
        var loaded: [Int] = []
        for part in [0, 1, 3, 4, 2, 5, 5] {
            loaded.append(
                try warehouse.load(parts[part], object: "b", at: position, with: &loader).loaded)
            position += length(parts[part])
        }
        #expect(loaded == [0, 0, 100, 100, 0, 100, 0])
        #expect(try stored() == 600)
        #expect(try warehouse.problems() == [])
    }

    @Test("Another source's events with the same ids are other events")
    func sources() throws {
        let other = try Catalogue(warehouse.connection).sourceID(pipeline: "p", name: "t", entity: "order")
        let lines = line(1) + line(2)
        #expect(try warehouse.load(lines).loaded == 2)
        #expect(try warehouse.load(lines, of: other).loaded == 2)
        #expect(try stored() == 4)
        #expect(try warehouse.problems() == [])
    }

    @Test("Four workers with overlapping batches over many days: each event once, the counts conserve")
    func workers() throws {
        let (url, sourceID, runID) = (warehouse.database.url, warehouse.sourceID, warehouse.runID)
        let keys = RecentKeys()
        let errors = atOnce(4) { worker in
            let connection = try Warehouse.connect(url)
            var loader = Loader(connection, recentKeys: keys)
            var position: Int64 = 0
            for round in 0..<6 {
                let first = (worker * 300 + round * 700) % 2_000
                let lines = (first..<first + 1_500).map {
                    line($0, time: String(format: "2026-02-%02dT00:00:00Z", $0 % 28 + 1))
                }.joined()
                let origin = BatchOrigin(
                    loadID: try connection.nextLoadID(), runID: runID, pipeline: "p",
                    sourceID: sourceID, object: "\(worker)", objectIdentity: "\(worker)", tailHash: "")
                _ = try LoadingWarehouse.load(lines, at: position, from: origin, with: &loader)
                position += Int64(lines.utf8.count)
            }
        }
        #expect(errors.isEmpty, "\(errors)")
        var numbers: Set<Int> = []
        for worker in 0..<4 {
            for round in 0..<6 {
                let first = (worker * 300 + round * 700) % 2_000
                numbers.formUnion(first..<first + 1_500)
            }
        }
        #expect(try stored() == numbers.count)
        #expect(try warehouse.database.value("SELECT sum(read) FROM daybook.loads") == "\(4 * 6 * 1_500)")
        #expect(try warehouse.database.value("SELECT sum(conflicting) FROM daybook.loads") == "0")
        #expect(try warehouse.problems() == [])
    }

    @Test("One batch over 300 days, twice")
    func manyDays() throws {
        let lines = (0..<900).map { number in
            line(number, time: "\(CalendarDay(daysSinceEpoch: Int32(20_000 + number % 300)))T12:00:00Z")
        }.joined()
        let first = try warehouse.load(lines)
        let second = try warehouse.load(lines, object: "b")
        #expect(first.loaded == 900 && second.loaded == 0 && second.duplicate == 900)
        #expect(second.conflicting == 0)
        #expect(
            try warehouse.database.value(
                "SELECT count(*) FROM pg_inherits WHERE inhparent = 'raw.events_by_day'::regclass") == "300")
        try isSound(first, second)
    }

    @Test("Texts of every character, details of every shape: what was put in comes out")
    func texts() throws {
        // Every ASCII character but the zero, the ends of each UTF-8 length, and what is seldom thought of.
        let scalars: [UInt32] =
            Array(1...0x7F) + [
                0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF, 0x1_0000, 0x10_FFFF,
                0x301,
                0x202E,
            ]
        let every = String(String.UnicodeScalarView(scalars.compactMap { Unicode.Scalar($0) }))
        let quoted = String(
            decoding: try JSONSerialization.data(withJSONObject: every, options: .fragmentsAllowed),
            as: UTF8.self)
        let big = String(repeating: "9", count: 300) + "." + String(repeating: "1", count: 300)
        let details = [
            "{}", "[]", "null", "true", "0", "-0.0", "\"\"", quoted, "{\"\":\(quoted)}", big, "1e-300",
            "[[[[[[]]]]]]", "{\"k\":{\"l\":[1,null,{\"m\":\"\\u00e9\"}]}}", "123456789012345678901234567890",
        ]
        let lines = details.enumerated().map { index, value in
            "{\"id\":\(quoted),\"case\":\"\(index)\",\"time\":\"2026-01-01\",\"type\":\(quoted),\"user\":\(quoted),"
                + "\"details\":\(value)}\n"
        }.joined()
        #expect(try warehouse.load(lines).loaded == details.count)
        let rows = try warehouse.connection.query(
            "SELECT event_id, type, user_id, details::text FROM raw.events ORDER BY case_id::int"
        ).rows
        for (row, value) in zip(rows, details) {
            for column in 0..<3 { #expect(row.text(column).map { Array($0.utf8) } == Array(every.utf8)) }
            let expected = try warehouse.connection.query(
                "SELECT nullif($1::jsonb, 'null')::text", [value]
            ).first().text(0)
            #expect(row.text(3) == expected)
        }
        #expect(rows[2].text(3) == nil)
        #expect(try warehouse.problems() == [])
    }

    @Test("The extremes of times and numbers arrive to the microsecond and the last digit")
    func extremes() throws {
        let cases: [(time: String, sequence: Int64)] = [
            ("0001-01-01T00:00:00Z", .min), ("9999-12-31T23:59:59.999999Z", .max),
            ("1969-12-31T23:59:59.999999Z", -1), ("1970-01-01T00:00:00Z", 0),
            ("1999-12-31T23:59:59.999999Z", 1), ("2000-01-01T00:00:00.000001Z", 1 << 53 + 1),
            ("2024-02-29T12:34:56.789012Z", -(1 << 53) - 1),
        ]
        let lines = cases.enumerated().map { index, value in
            "{\"id\":\"\(index)\",\"time\":\"\(value.time)\",\"type\":\"t\",\"seq\":\(value.sequence)}\n"
        }
        #expect(try warehouse.load(lines.joined(), at: 1 << 40).loaded == cases.count)
        let rows = try warehouse.connection.query(
            """
            SELECT to_char(occurred_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), sequence, event_day::text, position
            FROM raw.events ORDER BY event_id::int
            """
        ).rows
        var position: Int64 = 1 << 40
        for (index, row) in rows.enumerated() {
            let time: String = try row.get(0)
            #expect(Timestamp(time) == Timestamp(cases[index].time))
            #expect(try row.get(1) == cases[index].sequence)
            #expect(try row.get(2, as: String.self) == String(cases[index].time.prefix(10)))
            #expect(try row.get(3) == position)
            position += length(lines[index])
        }
        #expect(
            try warehouse.database.rows(
                "SELECT min_occurred_at, max_occurred_at = '9999-12-31 23:59:59.999999+00' FROM daybook.loads"
            )
                == [["0001-01-01 00:00:00+00", "t"]])
    }

    @Test("Keys as long as they may be can be indexed")
    func longKeys() throws {
        let lines = (0..<50).map { number in
            let random = (0..<1_240).map { _ in String(UnicodeScalar(UInt8.random(in: 0x61...0x7A))) }
                .joined()
            return
                "{\"id\":\"\(number)\(random)\",\"case\":\"\(random)\",\"time\":\"2026-01-01\",\"type\":\"t\"}\n"
        }.joined()
        #expect(try warehouse.load(lines).loaded == 50)
    }

    @Test("A batch that the server refuses leaves nothing, and the loader goes on with the next")
    func refused() throws {
        var loader = Loader(warehouse.connection, recentKeys: RecentKeys())
        try warehouse.load(line(1), with: &loader)
        // The same range of the same object a second time.
        #expect(throws: PostgresError.self) { try warehouse.load(line(2) + line(3), with: &loader) }
        #expect(try stored() == 1)
        #expect(try warehouse.load(line(2) + line(3), at: length(line(1)), with: &loader).loaded == 2)
        #expect(try warehouse.problems() == [])
    }

    // MARK: - Identity and change

    @Test("Identity project: another source's event with the same id is the same event")
    func projectIdentity() throws {
        let other = try Catalogue(warehouse.connection).sourceID(pipeline: "p", name: "t", entity: "order")
        let lines = line(1) + line(2)
        #expect(try warehouse.load(lines, identity: .project).loaded == 2)
        let again = try warehouse.load(lines + line(3), of: other, identity: .project)
        #expect(again.loaded == 1 && again.duplicate == 2)
        #expect(try warehouse.load(lines, object: "b").loaded == 2)
        #expect(
            try warehouse.database.rows("SELECT DISTINCT source_id FROM raw.events ORDER BY 1") == [
                ["0"], ["1"],
            ])
        #expect(try warehouse.problems() == [])
    }

    @Test(
        "Of an event with several contents the first or the last stays, by the order of loads, however they are committed",
        arguments: [OnChange.keepFirst, .keepLast],
        [[1, 2, 3, 4], [4, 3, 2, 1], [2, 4, 1, 3], [3, 1, 4, 2]])
    func onChange(_ rule: OnChange, _ order: [Int]) throws {
        for loadID in order {
            // Each load brings the event twice, too.
            let lines =
                line(1, extra: ",\"seq\":\(loadID * 10)") + line(2)
                + line(1, extra: ",\"seq\":\(loadID * 10 + 1)")
            let counts = try warehouse.load(
                lines, object: "\(loadID)", loadID: Int64(loadID), onChange: rule)
            let isFirst = loadID == order[0]
            #expect(counts.loaded == (isFirst ? 2 : 0) && counts.duplicate == (isFirst ? 1 : 3))
            #expect(counts.conflicting == (isFirst ? 1 : 2))
        }
        let expected = rule == .keepFirst ? "10" : "41"
        #expect(
            try warehouse.database.value("SELECT sequence FROM raw.events WHERE event_id = 'e1'") == expected)
        #expect(try warehouse.problems() == [])
    }

    /// Contents come back, too: of A, B, A the last coming is A, and the first.
    @Test(
        "Loads of the same events, all at once: of each stays what came first or last",
        arguments: [OnChange.keepFirst, .keepLast], [false, true])
    func onChangeAtOnce(_ rule: OnChange, _ buildsNewDays: Bool) throws {
        let (url, runID) = (warehouse.database.url, warehouse.runID)
        let sourceID = try Catalogue(warehouse.connection).sourceID(
            pipeline: "p", name: "rule", entity: "order", onChange: rule)
        var comings = [[Int]](repeating: [], count: 12)
        var batches: [(origin: BatchOrigin, lines: String)] = []
        for number in 0..<160 {
            var lines = ""
            for _ in 0..<Int.random(in: 1...10) {
                let (event, content) = (Int.random(in: 0..<comings.count), Int.random(in: 0..<3))
                comings[event].append(content)
                lines += line(event, extra: ",\"seq\":\(content)")
            }
            // As a run does: all claims are made in the order of the batches.
            let range = ReadRange(start: 0, end: Int64(lines.utf8.count), firstLine: 1, endLine: 1)
            let loadID = try Ledger.claimLoadID(
                source: sourceID, objectIdentity: "\(number)", range: range, warehouse.connection)
            batches.append(
                (
                    BatchOrigin(
                        loadID: loadID, runID: runID, pipeline: "p", sourceID: sourceID, onChange: rule,
                        object: "\(number)", objectIdentity: "\(number)", tailHash: ""), lines
                ))
        }
        let work = batches.shuffled()
        let keys = RecentKeys()
        let errors = atOnce(4) { worker in
            let connection = try Warehouse.connect(url)
            var loader = Loader(connection, recentKeys: keys, buildsNewDays: buildsNewDays)
            for number in stride(from: worker, to: work.count, by: 4) {
                _ = try LoadingWarehouse.load(
                    work[number].lines, at: 0, from: work[number].origin, with: &loader)
                if worker == 0, number % 40 == 0 {
                    for day in try BuildingDays.unfinished(connection) {
                        try BuildingDays.finish(day, connection)
                    }
                }
            }
        }
        #expect(errors.isEmpty, "\(errors)")
        try finishAll()
        let stored = try warehouse.database.rows(
            "SELECT sequence FROM raw.events ORDER BY substr(event_id, 2)::integer")
        let staying = comings.compactMap { rule == .keepFirst ? $0.first : $0.last }
        #expect(stored.map { $0[0] } == staying.map(String.init))
        #expect(try warehouse.problems() == [])
    }

    // MARK: - Days without an index

    private func finishAll() throws {
        for day in try BuildingDays.unfinished(warehouse.connection) {
            try BuildingDays.finish(day, warehouse.connection)
        }
    }

    @Test(
        "A day filled without an index holds the same events, once it is finished, and the ledger its counts")
    func building() throws {
        let parts = [0..<300, 200..<500, 450..<460, 100..<600].map { numbers in
            numbers.map { line($0, extra: ",\"seq\":\($0 == 250 ? numbers.lowerBound : 0)") }.joined()
        }
        // With keys remembered the repeated ones wait aside; with keys forgotten the index finds them.
        let keys = RecentKeys()
        for (index, part) in parts.enumerated() {
            var loader = Loader(
                warehouse.connection, recentKeys: index == 2 ? RecentKeys() : keys, buildsNewDays: true)
            try warehouse.load(part, object: "\(index)", with: &loader)
            #expect(try warehouse.problems() == [])
        }
        #expect(try stored() == 0)
        try finishAll()
        #expect(try stored() == 600)
        #expect(
            try warehouse.database.rows(
                "SELECT loaded, duplicate, conflicting FROM daybook.loads ORDER BY load_id")
                == [["300", "0", "0"], ["200", "100", "1"], ["0", "10", "0"], ["100", "400", "1"]])
        #expect(try warehouse.database.value("SELECT count(*) FROM raw.building") == "0")
        #expect(
            try warehouse.database.value("SELECT sequence FROM raw.events WHERE event_id = 'e250'") == "0")
        #expect(try warehouse.problems() == [])
        // From now on it is a leaf as any other.
        #expect(try warehouse.load(parts[0], object: "x").duplicate == 300)
        #expect(try warehouse.load(line(1_000), object: "y").loaded == 1)
        #expect(try warehouse.problems() == [])
    }

    @Test("Days that are finished while others still write to them: each event once, the counts conserve")
    func buildingRaces() throws {
        let (url, sourceID, runID) = (warehouse.database.url, warehouse.sourceID, warehouse.runID)
        let keys = RecentKeys()
        let errors = atOnce(4) { worker in
            let connection = try Warehouse.connect(url)
            if worker == 3 {
                for _ in 0..<25 {
                    for day in try BuildingDays.unfinished(connection) {
                        try BuildingDays.finish(day, connection)
                    }
                    usleep(5_000)
                }
                return
            }
            var loader = Loader(connection, recentKeys: keys, buildsNewDays: worker < 2)
            for round in 0..<12 {
                let first = (worker * 300 + round * 350) % 2_000
                let lines = (first..<first + 600).map {
                    line($0, time: String(format: "2026-02-%02dT00:00:00Z", $0 % 14 + 1))
                }.joined()
                let origin = BatchOrigin(
                    loadID: try connection.nextLoadID(), runID: runID, pipeline: "p",
                    sourceID: sourceID,
                    object: "\(worker)-\(round)", objectIdentity: "\(worker)-\(round)", tailHash: "")
                _ = try LoadingWarehouse.load(lines, at: 0, from: origin, with: &loader)
            }
        }
        #expect(errors.isEmpty, "\(errors)")
        try finishAll()
        var numbers: Set<Int> = []
        for worker in 0..<3 {
            for round in 0..<12 {
                let first = (worker * 300 + round * 350) % 2_000
                numbers.formUnion(first..<first + 600)
            }
        }
        #expect(try stored() == numbers.count)
        #expect(try warehouse.database.value("SELECT sum(loaded) FROM daybook.loads") == "\(numbers.count)")
        #expect(try warehouse.database.value("SELECT count(*) FROM raw.building") == "0")
        #expect(try warehouse.problems() == [])
    }

    // MARK: - Rows that the server refuses

    @Test(
        "What the server refuses is rejected alone, with its words, its line and its bytes",
        arguments: [false, true])
    func refusedRows(_ buildsNewDays: Bool) throws {
        try warehouse.connection.execute(
            "ALTER TABLE raw.events_by_day ADD CONSTRAINT no_sevens CHECK (event_id !~ '7')")
        let lines = (0..<400).map { line($0) }.joined() + line(5) + line(6, extra: ",\"seq\":1")
        var loader = Loader(warehouse.connection, recentKeys: RecentKeys(), buildsNewDays: buildsNewDays)
        let counts = try warehouse.load(lines, with: &loader)
        let bad = (0..<400).filter { "\($0)".contains("7") }
        #expect(counts.rejected == bad.count && counts.read == 402)
        try finishAll()
        #expect(try stored() == 400 - bad.count)
        let rejects = try warehouse.database.rows(
            "SELECT line, convert_from(raw, 'UTF8'), reason_code, reason FROM daybook.rejects ORDER BY line")
        #expect(rejects.map { $0[0] } == bad.map { "\($0 + 1)" })
        #expect(rejects.map { $0[1] + "\n" } == bad.map { line($0) })
        #expect(rejects.allSatisfy { $0[2] == "refused_by_server" && $0[3].contains("no_sevens") })
        #expect(try warehouse.problems() == [])
        // The loader goes on.
        #expect(try warehouse.load(line(1_000), object: "b", with: &loader).loaded == 1)
    }
}
