import Foundation
import Pipeline
import TestSupport
import Testing

/// `event_fields` in a pipeline: what is read of it, and what is wrong with it.
@Suite
struct EventFieldsTests {
    private let project: TemporaryProject

    init() throws { project = try TemporaryProject() }

    private func define(_ fields: String, pipeline: String = "orders") throws {
        try project.write(
            "pipelines/\(pipeline).jsonc",
            """
            { "pipeline": "\(pipeline)", "entity": "order",
              "sources": [ { "name": "shop", "file": { "path": "\(pipeline).ndjson" },
                "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order" } } ],
              "event_fields": \(fields) }
            """)
        if !FileManager.default.fileExists(atPath: project.path("\(pipeline).ndjson")) {
            try project.write("\(pipeline).ndjson", "")
        }
    }

    private func problems() throws -> [String] {
        try Project(directory: project.directory, environment: [:]).read([]).flatMap(\.problems).map {
            $0.description.replacingOccurrences(of: "pipelines/orders.jsonc:", with: "")
        }
    }

    @Test(
        "A mistake is told with its place",
        arguments: [
            (#"[]"#, #"4:19: event_fields is an array; it must be an object"#),
            (#"{ "order.made": {} }"#, #"4:21: "order.made" is no namespace"#),
            (#"{ "segments": {} }"#, #"4:21: raw.event_segments is a table of Daybook's own"#),
            (#"{ "order": { "Amount": {} } }"#, #"4:32: "Amount" is no name of a column"#),
            (
                #"{ "order": { "case_id": {} } }"#,
                #"4:32: case_id is a column of every table of events already"#
            ),
            (
                #"{ "order": { "a": { "from": "amount" } } }"#,
                #"4:47: from of event_fields.order.a begins with "amount"; a field begins with a column of raw.events (details, type, service, entity, user_id, correlation_id, sequence); did you mean "details.amount"?"#
            ),
            (
                #"{ "order": { "a": { "from": "details" } } }"#,
                "4:47: from of event_fields.order.a is all of details"
            ),
            (#"{ "order": { "a": { "from": "type.x" } } }"#, "but type has no fields"),
            (
                #"{ "order": { "a": { "type": "number" } } }"#,
                #"4:47: type of event_fields.order.a is "number"; it must be "text" or "integer""#
            ),
            (#"{ "order": { "a": { "map": {} } } }"#, "4:46: map of event_fields.order.a is empty"),
            (#"{ "order": { "a": { "map": {"1": []} } } }"#, "1 in map of event_fields.order.a is an array"),
            (#"{ "order": { "a": { "form": "details.a" } } }"#, #"did you mean "from"?"#),
            (#"{ "order": { "a": {}, "a": {} } }"#, #""a" is given twice in event_fields.order"#),
        ])
    func tellsMistakes(fields: String, message: String) throws {
        try define(fields)
        let problems = try problems()
        #expect(problems.count == 1 && problems[0].contains(message), "\(problems)")
    }

    @Test func aFieldIsDeclaredOnce() throws {
        try define(#"{ "order": { "a": {} } }"#)
        try define(#"{ "order": { "a": {} } }"#, pipeline: "refunds")
        #expect(try problems().contains { $0.contains("the pipeline orders declares the field order.a too") })
    }

    @Test("Fields are filled by a run, in both ways of a definition, and a refused type ends with 78")
    func run() throws {
        let database = try TestDatabase()
        let command = DaybookCommand(in: project.directory, database: database.url)
        try define(
            #"{ "order": { "amount": {"from": "details.amount", "type": "numeric"}, "status": {"from": "details.status", "map": {"1": "paid", "2": "sent"}}, "note": {} } }"#
        )
        try project.write(
            "orders.ndjson",
            """
            {"id":"1","at":"2026-01-01T10:00:00Z","type":"order.created","order":"o1","amount":12.5,"status":1,"note":"x"}
            {"id":"2","at":"2026-01-01T10:30:00Z","type":"order.paid","order":"o1","amount":"dear","status":2}

            """)
        let outcome = try command.run("run")
        #expect(outcome.status == 0, "\(outcome.error)")
        #expect(outcome.error.contains("not of their declared type"))
        #expect(
            try database.rows(
                "SELECT coalesce(amount, -1), status, coalesce(note, '∅') FROM raw.event_order ORDER BY event_id"
            )
                == [["12.5", "paid", "x"], ["-1", "sent", "∅"]])
        #expect(
            try database.rows(
                "SELECT pipeline, object, line IS NULL, byte_offset > 0, reason_code, reason, convert_from(raw, 'UTF8') FROM daybook.rejects"
            ) == [
                [
                    "orders", "orders.ndjson", "t", "t", "conversion",
                    "amount of order is \"dear\", which is no numeric", "dear",
                ]
            ])
        #expect(try command.run("verify").status == 0)
        #expect(
            try database.value(
                "SELECT col_description('raw.event_order'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'raw.event_order'::regclass AND attname = 'amount'"
            )
                == "details.amount of the event, as numeric")
        try define(#"{ "order": { "amount": {"type": "bigint"} } }"#)
        #expect(try command.run("check").status == 78)
        let refused = try command.run("run")
        #expect(refused.status == 78)
        #expect(refused.error.contains("ALTER TABLE raw.event_order DROP COLUMN amount"))
        #expect(refused.error.contains("pipelines/orders.jsonc:4"))
    }
}
