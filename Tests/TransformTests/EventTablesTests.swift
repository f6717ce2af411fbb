import Events
import Foundation
import Postgres
import SQLFiles
import TestSupport
import Testing
import Transform
import Warehouse

/// The tables of declared fields: `raw.event_<namespace>`.
@Suite
struct EventTablesTests {
    private let warehouse: LoadingWarehouse
    private var connection: Connection { warehouse.connection }

    init() throws { warehouse = try LoadingWarehouse() }

    private func field(
        _ name: String, _ type: EventField.ColumnType = .text, of namespace: String = "order",
        from paths: [String]? = nil,
        map: String? = nil, description: String? = nil, pipeline: String = "p"
    ) throws -> EventField {
        EventField(
            namespace: namespace, name: name, pipeline: pipeline,
            paths: try (paths ?? ["details.\(name)"]).map { try FieldPath(parsing: $0) }, type: type,
            map: map,
            description: description, file: "pipelines/p.jsonc", line: 7)
    }

    @discardableResult
    private func transform(_ fields: [EventField], of pipelines: [String] = ["p"]) throws -> [ModelResult] {
        try TransformRunner(
            try Model.ordered(SQLFiles.builtin.folder("transforms")), connection,
            eventTables: EventTables(fields, ofPipelines: pipelines), rebuildShare: 2
        ).run {}
    }

    private func line(_ id: Int, _ details: String, type: String = "order.made") -> String {
        #"{"id":"e\#(id)","case":"c\#(id)","time":"2026-01-05T10:00:00Z","type":"\#(type)","details":{\#(details)}}"#
            + "\n"
    }

    private func rows(_ query: String) throws -> [String] {
        try connection.query(query).rows.map { $0.text(0) ?? "∅" }
    }

    // MARK: - Values

    /// One value of each form: what is stored of it, or that it is refused.
    @Test(
        "A value is of its type, or null and told",
        arguments: [
            (EventField.ColumnType.numeric, #""12.50""#, "12.50"), (.numeric, "1e3", "1000"),
            (.numeric, #"" 1""#, nil),
            (.numeric, #""NaN""#, nil), (.numeric, #""1e999999""#, nil), (.numeric, "true", nil),
            (.numeric, "{}", nil),
            (.bigint, "12.0", "12"), (.bigint, "12.5", nil), (.bigint, "9223372036854775808", nil),
            (.bigint, "-9223372036854775808", "-9223372036854775808"), (.integer, "2147483648", nil),
            (.double, "1e-400", nil), (.double, #""1e400""#, nil), (.double, "0.1", "0.1"),
            (.boolean, "true", "true"), (.boolean, #""No""#, "false"), (.boolean, #""maybe""#, nil),
            (.date, #""2026-02-28""#, "2026-02-28"), (.date, #""2026-02-30""#, nil),
            (.date, #""today""#, nil),
            (.timestamptz, #""2026-02-03T10:00:00.1234567+01:00""#, "2026-02-03 09:00:00.123456+00"),
            (.timestamptz, #""2026-02-03 10:00""#, "2026-02-03 10:00:00+00"), (.timestamptz, #""now""#, nil),
            (.timestamptz, "1767571200", "2026-01-05 00:00:00+00"),
            (.timestamptz, "1767571200123", "2026-01-05 00:00:00.123+00"),
            (.timestamptz, #""1767571200123456789""#, "2026-01-05 00:00:00.123456+00"),
            (.timestamptz, #""infinity""#, nil), (.timestamptz, #""99999999999999999999999""#, nil),
            (.uuid, #""A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11""#, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
            (.uuid, #""a0ee""#, nil), (.text, "1.50", "1.50"), (.text, "[1]", nil), (.text, #""""#, ""),
            (.jsonb, #"{"a": [1]}"#, #"{"a": [1]}"#),
        ] as [(EventField.ColumnType, String, String?)])
    func converts(type: EventField.ColumnType, value: String, stored: String?) throws {
        try warehouse.load(line(1, #""v":\#(value)"#))
        try transform([field("v", type)])
        #expect(try rows("SELECT v::text FROM raw.event_order") == [stored ?? "∅"])
        let told = try rows("SELECT field || ' ' || event_id || ' ' || byte_offset FROM daybook.conversions")
        #expect(told == (stored == nil ? ["v e1 0"] : []))
        #expect(try warehouse.problems() == [])
    }

    @Test func whatIsAbsentIsNullAndNotTold() throws {
        try warehouse.load(line(1, #""v":null"#) + line(2, #""w":1"#))
        try transform([field("v", .numeric)])
        #expect(try rows("SELECT v::text FROM raw.event_order") == ["∅", "∅"])
        #expect(try rows("SELECT field FROM daybook.conversions") == [])
    }

    @Test func mapsValues() throws {
        try warehouse.load(
            line(1, #""s":1"#) + line(2, #""s":"2""#) + line(3, #""s":0"#) + line(4, #""s":9"#))
        try transform([field("s", map: #"{"1": "paid", "2": "sent", "0": null}"#)])
        #expect(try rows("SELECT s FROM raw.event_order ORDER BY event_id") == ["paid", "sent", "∅", "∅"])
        #expect(
            try rows("SELECT reason FROM daybook.conversions")
                == [#"s of order is "9", which is not in the map, or no text by it"#])
    }

    @Test func takesTheFirstThatIsPresent() throws {
        try warehouse.load(
            line(1, #""a":{"x.y":1}"#) + line(2, #""b":[5,6]"#) + line(3, #""a":{"x.y":null},"b":[7,8]"#))
        try transform([
            field("v", .bigint, from: ["/details/a/x.y", "details.b.1"]), field("kind", from: ["type"]),
        ])
        #expect(
            try rows("SELECT v || kind FROM raw.event_order ORDER BY event_id") == [
                "1order.made", "6order.made", "8order.made",
            ])
    }

    // MARK: - Declarations that change

    @Test func aFieldThatIsAddedIsFilledFromTheStart() throws {
        try warehouse.load(line(1, #""a":1,"b":"x""#) + line(2, #""a":2"#, type: "stock.moved"))
        try transform([field("a", .bigint)])
        #expect(try rows("SELECT a::text FROM raw.event_order") == ["1"])
        try transform([field("a", .bigint), field("b"), field("a", .numeric, of: "stock")])
        #expect(try rows("SELECT a || b FROM raw.event_order") == ["1x"])
        #expect(try rows("SELECT a::text FROM raw.event_stock") == ["2"])
    }

    @Test func aFieldThatIsRemovedKeepsItsColumn() throws {
        try warehouse.load(line(1, #""a":1,"b":"x""#))
        try transform([field("a", .bigint), field("b")])
        try transform([field("a", .bigint)])
        try warehouse.load(line(2, #""a":2,"b":"y""#), object: "b")
        try transform([field("a", .bigint)])
        #expect(
            try rows("SELECT a || ' ' || coalesce(b, '∅') FROM raw.event_order ORDER BY a") == ["1 x", "2 ∅"])
        // It comes back, for what was loaded meanwhile too; and so does a table that nobody kept.
        try transform([field("b")])
        #expect(try rows("SELECT b FROM raw.event_order ORDER BY event_id") == ["x", "y"])
        try transform([])
        try warehouse.load(line(3, #""b":"z""#), object: "c")
        try transform([])
        try transform([field("b")])
        #expect(try rows("SELECT b FROM raw.event_order ORDER BY event_id") == ["x", "y", "z"])
    }

    @Test func aChangeOfTypeIsRefusedWithTheWay() throws {
        try warehouse.load(line(1, #""a":1"#))
        try transform([field("a", .bigint)])
        let error = #expect(throws: TransformError.self) { try transform([field("a", .numeric)]) }
        let told = error?.description ?? ""
        #expect(
            told.hasPrefix("pipelines/p.jsonc:7: a of order is numeric here, and bigint in raw.event_order"))
        #expect(told.hasSuffix("ALTER TABLE raw.event_order DROP COLUMN a"))
        try connection.execute("ALTER TABLE raw.event_order DROP COLUMN a")
        try transform([field("a", .numeric)])
        #expect(try rows("SELECT a::text FROM raw.event_order") == ["1"])
    }

    @Test func anotherPipelinesFieldsStay() throws {
        try warehouse.load(line(1, #""a":1,"b":2"#))
        try transform([field("a", .bigint)])
        try transform([field("b", .bigint, pipeline: "q")], of: ["q"])
        #expect(try rows("SELECT a + b FROM raw.event_order") == ["3"])
        #expect(try rows("SELECT field FROM daybook.event_fields ORDER BY 1") == ["a", "b"])
    }

    // MARK: - Events that change

    @Test func whatIsRefusedGoesWithItsEvent() throws {
        let keepsLast = try Catalogue(connection).sourceID(
            pipeline: "p", name: "last", entity: "order", onChange: .keepLast)
        try warehouse.load(line(1, #""a":"bad""#), of: keepsLast, onChange: .keepLast)
        try transform([field("a", .bigint)])
        #expect(try rows("SELECT convert_from(raw, 'UTF8') FROM daybook.conversions") == ["bad"])
        let rejectID = try rows("SELECT reject_id FROM daybook.rejects")
        try warehouse.load(line(2, #""a":1"#), object: "b")
        try transform([field("a", .bigint)])
        #expect(try rows("SELECT reject_id FROM daybook.rejects") == rejectID)
        try warehouse.load(line(1, #""a":5"#), object: "c", of: keepsLast, onChange: .keepLast)
        try transform([field("a", .bigint)])
        #expect(try rows("SELECT a FROM raw.event_order ORDER BY event_id") == ["5", "1"])
        #expect(try rows("SELECT reject_id FROM daybook.rejects") == [])
        #expect(try warehouse.problems() == [])
    }

    @Test func namesOfAnyKindAreQuoted() throws {
        let namespace = #"Or"der'; DROP"#
        try warehouse.load(line(1, #""a":1"#, type: #"Or\"der'; DROP.made"#))
        try transform([
            field("a", .bigint, of: namespace, from: ["/details/a"], map: #"{"1": "2", "it's": "x"}"#)
        ])
        #expect(try rows(#"SELECT a FROM raw."event_Or""der'; DROP""#) == ["2"])
        try transform([
            field("a", .bigint, of: namespace, from: ["/details/o'\"}clock"], description: "it's; \"so\"")
        ])
        #expect(try rows(#"SELECT a FROM raw."event_Or""der'; DROP""#) == ["∅"])
    }

    @Test func aSecondTransformWritesNothing() throws {
        try warehouse.load(line(1, #""a":"bad","b":1.5"#))
        try transform([field("a", .bigint), field("b", .numeric)])
        let again = try transform([field("a", .bigint), field("b", .numeric)])
        #expect(again.allSatisfy { $0.keys == 0 && $0.rowsChanged == 0 })
    }
}
