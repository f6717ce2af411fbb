import Foundation
import Pipeline
import Postgres
import TestSupport
import Testing

/// `check` looks at the files that a definition names, not only at the definition.
struct CheckTests {
    @Test(arguments: Broken.data)
    func comparesWithTheData(_ broken: Broken) throws {
        #expect(try broken.check() == broken.expected)
    }

    /// What check says of orders in a CSV file.
    private func problems(ofCSV text: String, mapping: String) throws -> [String] {
        let scratch = try TemporaryProject()
        try scratch.write("orders.csv", text)
        try scratch.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders",
              "sources": [ { "name": "orders", "file": { "path": "orders.csv" }, \(mapping) } ] }
            """)
        return try Check.run(try scratch.project(), [], database: nil).problems.map(\.description)
    }

    @Test(arguments: [
        #""event": { "occurred_at": "at", "type": "what", "case_id": ["id", "order"] }"#,
        #""event": { "occurred_at": ["time", "at"], "type": "{what}", "case_id": {"value": "1"} }"#,
        #""event": { "occurred_at": "/at", "type": "/what", "case_id": "/order" }"#,
        #""events": [ { "occurred_at": "at", "type": {"value": "seen"}, "case_id": "order" } ]"#,
    ])
    func isContentWithColumnsThatAreThere(mapping: String) throws {
        #expect(try problems(ofCSV: "order,at,what\n1,2026-01-01T00:00:00Z,seen\n", mapping: mapping) == [])
    }

    @Test(arguments: ["", "order,at,what", "order,at,what\n"])
    func isContentWithAFileThatHasNoRecordsYet(text: String) throws {
        let mapping = #""event": { "occurred_at": "at", "type": "what" }"#
        #expect(try problems(ofCSV: text, mapping: mapping) == [])
    }

    @Test func someRejectsAreNoMistake() throws {
        let records = Broken.records + "no JSON\n" + #"{"time": "yesterday", "type": "order.created"}"# + "\n"
        #expect(try Broken("rejects", files: ["shop.ndjson": records], expected: "").check() == [])
    }

    @Test func aFileThatIsCompressedIsLookedInto() throws {
        let scratch = try TemporaryProject()
        try scratch.write("pipelines/orders.jsonc", Broken.sound)
        try scratch.write("shop.ndjson", Broken.records)
        _ = try Shell.run("/usr/bin/env", ["gzip", "shop.ndjson"], in: scratch.directory, [:])
        _ = try Shell.run("/bin/mv", ["shop.ndjson.gz", "shop.ndjson"], in: scratch.directory, [:])
        #expect(try Check.run(try scratch.project(), [], database: nil).problems == [])
    }

    @Test func theTypesOfOnePipelineServeTheSLAsOfAnother() throws {
        let scratch = try TemporaryProject()
        try scratch.write("shop.ndjson", Broken.records)
        try scratch.write(
            "pay.ndjson", #"{"time": "2026-01-05T10:00:00Z", "type": "order.paid", "order": "1"}"#)
        try scratch.write(
            "pipelines/orders.jsonc", Broken.sound.replacing("order.delivered", with: "order.paid"))
        try scratch.write(
            "pipelines/payments.jsonc",
            """
            { "pipeline": "payments", "entity": "orders",
              "sources": [
                { "name": "pay", "file": { "path": "pay.ndjson" },
                  "event": { "occurred_at": "time", "type": "type" } }
              ] }
            """)
        #expect(try Check.run(try scratch.project(), [], database: nil).problems == [])
    }

    @Test func anSLANameIsTakenOnce() throws {
        let scratch = try TemporaryProject()
        try scratch.write("shop.ndjson", Broken.records)
        try scratch.write("pipelines/orders.jsonc", Broken.sound)
        try scratch.write("pipelines/a.jsonc", Broken.sound.replacing("orders", with: "a"))
        let report = try Check.run(try scratch.project(), ["orders"], database: nil)
        #expect(
            report.problems.map(\.message) == [
                #"the pipeline a has an SLA "delivered" too; give one another name"#
            ])
        #expect(report.problems.map(\.file) == ["pipelines/orders.jsonc"])
    }

    @Test func aFieldThatNoRecordHasIsNamed() throws {
        let scratch = try TemporaryProject()
        try scratch.write("shop.ndjson", Broken.records)
        let definition = Broken.sound.replacing(
            "\"type\": \"type\"", with: "\"type\": \"type\", \"user_id\": \"usr\"")
        try scratch.write("pipelines/orders.jsonc", definition)
        let report = try Check.run(try scratch.project(), [], database: nil)
        #expect(report.ok)
        #expect(report.problems.contains { $0.message.contains("records has \"usr\"") })
    }

    @Test func aDatabaseOutOfReachIsNoMistakeOfADefinition() throws {
        let outOfReach = PostgresError(kind: .connect, action: "connect", message: "connection refused")
        let scratch = try TemporaryProject()
        try scratch.write("shop.ndjson", Broken.records)
        try scratch.write("pipelines/orders.jsonc", Broken.sound)
        let alone = try Check.run(try scratch.project(), []) { throw outOfReach }
        #expect(!alone.ok && alone.isUnreachable)
        #expect(
            alone.problems.map(\.description)
                == ["database:1:1: the database cannot be used: connect: connection refused"])

        try scratch.write("pipelines/orders.jsonc", Broken.sound.replacing("10d", with: "10"))
        let both = try Check.run(try scratch.project(), []) { throw outOfReach }
        #expect(!both.ok && !both.isUnreachable, "a mistake weighs more")
        #expect(both.problems.count == 2)
    }

    @Test func isJSONWithTheNamesThatScriptsUse() throws {
        let scratch = try TemporaryProject()
        try scratch.write("shop.ndjson", Broken.records)
        try scratch.write(
            "pipelines/orders.jsonc", Broken.sound.replacing(#""order.delivered""#, with: #""none""#))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let json = try encoder.encode(try Check.run(try scratch.project(), [], database: nil))
        let start =
            #"{"ok":true,"problems":[{"column":14,"file":"pipelines/orders.jsonc","line":18,"message":"no "#
        #expect(String(decoding: json, as: UTF8.self).hasPrefix(start))
        #expect(String(decoding: json, as: UTF8.self).hasSuffix(#""severity":"warning"}]}"#))
    }
}

extension Broken {
    static let data: [Broken] = [
        Broken(
            "a time column that the file lacks",
            [
                #""shop.ndjson", "format": "ndjson""#: #""shop.csv""#, #""time""#: #""create_at""#,
                #"""
                "order"

                """#: #"""
                "order_id"

                """#,
            ],
            files: [
                "shop.csv": #"""
                order_id,created_at,type
                1,2026-01-05T10:00:00Z,order.created
                1,2026-01-06T10:00:00Z,order.delivered

                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:6:25: shop.csv has no column "create_at"; did you mean \#
                "created_at"?
                """#),
        Broken(
            "a time column like no other",
            [
                #""shop.ndjson", "format": "ndjson""#: #""shop.csv""#,
                #"""
                "order"

                """#: #"""
                "order_id"

                """#,
            ],
            files: [
                "shop.csv": #"""
                order_id,created_at,type
                1,2026-01-05T10:00:00Z,order.created
                1,2026-01-06T10:00:00Z,order.delivered

                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:6:25: shop.csv has no column "time"; it has order_id, created_at, \#
                type
                """#),
        Broken(
            "a case column that the file lacks",
            [
                #""shop.ndjson", "format": "ndjson""#: #""shop.csv""#, #""time""#: #""created_at""#,
                #"""
                "order"

                """#: #"""
                "orderid"

                """#,
            ],
            files: [
                "shop.csv": #"""
                order_id,created_at,type
                1,2026-01-05T10:00:00Z,order.created
                1,2026-01-06T10:00:00Z,order.delivered

                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:6:25: warning: shop.csv has no column "orderid"; did you mean \#
                "order_id"?
                """#),
        Broken(
            "a column that one of several events lacks",
            [
                #""shop.ndjson", "format": "ndjson""#: #""shop.csv""#,
                #"""
                "event": {
                        "occurred_at": "time",
                        "type": "type",
                        "case_id": "order"
                      }
                """#: #"""
                "events": [
                        { "occurred_at": "created_at", "type": "type", "case_id": "order_id" },
                        { "occurred_at": "paid_at", "type": {"value": "order.paid"}, "case_id": "order_id" }
                      ]
                """#,
            ],
            files: [
                "shop.csv": #"""
                order_id,created_at,type
                1,2026-01-05T10:00:00Z,order.created
                1,2026-01-06T10:00:00Z,order.delivered

                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:6:25: warning: shop.csv has no column "paid_at"; it has order_id, \#
                created_at, type
                """#),
        Broken(
            "records that would all be rejected",
            files: [
                "shop.ndjson": #"""
                {"time": "yesterday", "type": "order.created"}
                {"time": "today", "type": "order.created"}

                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:6:25: the first 2 records of shop.ndjson would all be rejected; \#
                line 1: "time" is "yesterday", not a time
                """#),
        Broken(
            "a pattern that matches nothing", [#""shop.ndjson""#: #""logs/*.ndjson""#],
            expected: #"""
                pipelines/orders.jsonc:6:25: warning: no file matches "logs/*.ndjson" now
                """#),
        Broken(
            "a pattern among others that matches nothing",
            [#""shop.ndjson""#: #"["shop.ndjson", "logs/*.ndjson"]"#],
            expected: #"""
                pipelines/orders.jsonc:6:25: warning: no file matches "logs/*.ndjson" now
                """#),
        Broken(
            "a type that never occurs", [#""order.delivered""#: #""order.deliverd""#],
            expected: #"""
                pipelines/orders.jsonc:18:14: warning: no event of orders has the type "order.deliverd" \#
                so far; did you mean "order.delivered"?
                """#),
        Broken(
            "a type like no other", [#""order.delivered""#: #""refund""#],
            expected: #"""
                pipelines/orders.jsonc:18:14: warning: no event of orders has the type "refund" so far; \#
                there are order.created, order.delivered
                """#),
        Broken(
            "a namespace that never occurs", [#""order.created""#: #"["ordre.*", "order.created"]"#],
            expected: #"""
                pipelines/orders.jsonc:17:17: warning: no event of orders has the type "ordre.*" so far; \#
                there are order.created, order.delivered
                """#),
        Broken(
            "an SLA of another entity", [#""10d""#: #""10d", "entity": "ordr""#],
            expected: #"""
                pipelines/orders.jsonc:19:34: warning: no event has the entity "ordr"; did you mean \#
                "orders"?
                """#),
        Broken(
            "a type in the second file only", [#""shop.ndjson""#: #""logs/*.ndjson""#],
            files: [
                "logs/a.ndjson": #"""
                {"time": "2026-01-05T10:00:00Z", "type": "order.created", "order": "1"}

                """#,
                "logs/b.ndjson": #"""
                {"time": "2026-01-06T10:00:00Z", "type": "order.delivered", "order": "1"}

                """#,
            ],
            expected: #"""

                """#),
    ]
}
