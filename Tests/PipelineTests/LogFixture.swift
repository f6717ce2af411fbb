import Foundation
import TestSupport
import Testing

/// A log in one format, the source that reads it, and the rows that it becomes.
struct LogFixture: Sendable, CustomTestStringConvertible {
    struct Refused: Sendable {
        let line: Int
        let code: String
        /// As it stands in the log.
        let raw: String

        init(_ line: Int, _ code: String, _ raw: String) {
            (self.line, self.code, self.raw) = (line, code, raw)
        }
    }

    let name: String
    let file: String
    /// What the source says beside the path of its file.
    var keys = ""
    /// What the source says beside its file.
    var rules = ""
    let text: String
    var encoding = String.Encoding.utf8
    /// How each record begins that becomes an event, in order.
    let starts: [String]
    /// occurred_at, type, case_id, event_id, service, user_id, correlation_id, sequence, details.
    let rows: [[String]]
    var rejects: [Refused] = []

    var testDescription: String { name }

    var bytes: [UInt8] {
        let mark: [UInt8] = encoding == .utf16LittleEndian ? [0xFF, 0xFE] : []
        return mark + [UInt8](text.data(using: encoding)!)
    }

    /// Where each event stands, in UTF-8. A byte order mark of UTF-16 is three bytes there.
    var positions: [Int] {
        var positions: [Int] = []
        var rest = text.startIndex
        for start in starts {
            let found = text.range(of: start, range: rest..<text.endIndex)!
            positions.append(offset(of: found.lowerBound))
            rest = text.index(after: found.lowerBound)
        }
        return positions
    }

    var expectedRejects: [[String]] {
        var rest = text.startIndex
        return rejects.map { reject in
            let found = text.range(of: reject.raw, range: rest..<text.endIndex)!
            rest = found.upperBound
            return ["\(reject.line)", "\(offset(of: found.lowerBound))", reject.code, reject.raw]
        }
    }

    private func offset(of index: String.Index) -> Int {
        text[..<index].utf8.count + (encoding == .utf16LittleEndian ? 3 : 0)
    }

    func write(to project: TemporaryProject) throws {
        try project.write(
            "pipelines/logs.jsonc",
            """
            { "pipeline": "logs", "sources": [ { "name": "shop",
              "file": { "path": "\(file)"\(keys) }\(rules) } ] }
            """)
        try project.write(file, bytes)
    }
}

extension LogFixture {
    static let all = json + csv + lines + standards

    // MARK: - JSON

    private static let orderEvent = """
        , "event": { "occurred_at": "at", "type": "what", "case_id": "order.id", "event_id": "id", "user_id": "user",
            "correlation_id": "trace", "sequence": "n", "service": {"value": "checkout"} }
        """

    private static let order1 =
        #"{"id":"e1","at":"2026-01-05T08:00:00Z","what":"order.created","order":{"id":"o-1"},"amount":12.50}"#
    private static let order2 =
        #"{"id":"e2","at":"2026-01-05 09:00:01.25+01:00","what":"order.paid","order":{"id":"o-1"},"user":"u-7","trace":"t-9","n":3}"#
    private static let order4 =
        #"{"id":"e4","at":1767600003,"what":"order.sent \"Zoë\"","order":{"id":4},"amount":null}"#

    private static let orderRows = [
        [
            "2026-01-05 08:00:00", "order.created", "o-1", "e1", "checkout", "∅", "∅", "∅",
            #"{"order": {"id": "o-1"}, "amount": 12.50}"#,
        ],
        [
            "2026-01-05 08:00:01.25", "order.paid", "o-1", "e2", "checkout", "u-7", "t-9", "3",
            #"{"order": {"id": "o-1"}}"#,
        ],
        [
            "2026-01-05 08:00:03", "order.sent \"Zoë\"", "4", "e4", "checkout", "∅", "∅", "∅",
            #"{"order": {"id": 4}, "amount": null}"#,
        ],
    ]

    private static let orderStarts = ["{\"id\":\"e1\"", "{\"id\":\"e2\"", "{\"id\":\"e4\""]

    private static let json = [
        LogFixture(
            name: "ndjson", file: "orders.ndjson", rules: orderEvent,
            text: """
                \(order1)
                \(order2)

                {"id":"e3","at":"2026-01-05T08:00:02Z",
                {"id":"e5","at":"yesterday","what":"order.lost"}
                \(order4)

                """, starts: orderStarts, rows: orderRows,
            rejects: [
                Refused(4, "malformed_json", "{\"id\":\"e3\",\"at\":\"2026-01-05T08:00:02Z\","),
                Refused(5, "bad_time", "{\"id\":\"e5\",\"at\":\"yesterday\",\"what\":\"order.lost\"}"),
            ]),
        LogFixture(
            name: "json, an array", file: "orders.json", rules: orderEvent,
            text: """
                [
                  \(order1),
                  \(order2),
                  {"id":"e3","at":2026-01-05,"order":{"id":"o-2"}}, 17,
                  \(order4)
                ]

                """, starts: orderStarts, rows: orderRows,
            rejects: [
                Refused(4, "malformed_json", "{\"id\":\"e3\",\"at\":2026-01-05,\"order\":{\"id\":\"o-2\"}}"),
                Refused(4, "not_an_object", "17"),
            ]),
        LogFixture(
            name: "json, an array at a path", file: "orders.txt",
            keys: #", "format": "json", "data_path": "data.events""#, rules: orderEvent,
            text: """
                { "meta": {"events": [{"id": "none"}]},
                  "data": { "events": [\(order1), {"id":"e3","at":true,"what":"x"},
                    \(order2), \(order4)], "count": 4 } }

                """, starts: orderStarts, rows: orderRows,
            rejects: [Refused(2, "bad_time", "{\"id\":\"e3\",\"at\":true,\"what\":\"x\"}")]),
        LogFixture(
            name: "drdroid", file: "workflow.log", keys: #", "format": "drdroid""#,
            text: """
                {"timestamp":1767600000000,"name":"order_placed","payload":"{\\"order_id\\":\\"o-1\\",\\"amount\\":5}"}
                {"timestamp":1767600001000,"name":"order_shipped","payload":{"order_id":"o-1"}}
                {"timestamp":1767600002000,"name":"order_lost","payload":"{"}
                [{"timestamp":1767600003000,"name":"order_billed"}]

                """, starts: ["{\"timestamp\"", "{\"timestamp\"", "{\"timestamp\":1767600003000"],
            rows: [
                [
                    "2026-01-05 08:00:00", "order_placed", "@", "@", "shop", "∅", "∅", "∅",
                    #"{"amount": 5, "order_id": "o-1"}"#,
                ],
                [
                    "2026-01-05 08:00:01", "order_shipped", "@", "@", "shop", "∅", "∅", "∅",
                    #"{"order_id": "o-1"}"#,
                ],
                ["2026-01-05 08:00:03", "order_billed", "@", "@", "shop", "∅", "∅", "∅", "∅"],
            ],
            rejects: [
                Refused(
                    3, "malformed_json",
                    "{\"timestamp\":1767600002000,\"name\":\"order_lost\",\"payload\":\"{\"}")
            ]),
        LogFixture(
            name: "logeater", file: "app.log", keys: #", "format": "logeater""#,
            text: """
                {"timestamp":"2026-01-05T08:00:00Z","type":"cart.add","service":"web","user_id":"u-7","details":"{\\"sku\\":\\"s\\"}"}
                {"timestamp":"2026-01-05T08:00:01Z","type":"cart.pay","service":"web","user_id":8,"details":{"sum":"7.10"}}
                {"timestamp":"2026-01-05T08:00:02Z","service":"web"}
                {"timestamp":"2026-01-05T08:00:03Z","type":"cart.drop"}

                """,
            starts: ["{\"timestamp\"", "{\"timestamp\"", "{\"timestamp\":\"2026-01-05T08:00:03Z\""],
            rows: [
                ["2026-01-05 08:00:00", "cart.add", "@", "@", "web", "u-7", "∅", "∅", #"{"sku": "s"}"#],
                ["2026-01-05 08:00:01", "cart.pay", "@", "@", "web", "8", "∅", "∅", #"{"sum": "7.10"}"#],
                ["2026-01-05 08:00:03", "cart.drop", "@", "@", "shop", "∅", "∅", "∅", "∅"],
            ],
            rejects: [
                Refused(3, "missing_type", "{\"timestamp\":\"2026-01-05T08:00:02Z\",\"service\":\"web\"}")
            ]),
    ]

    // MARK: - CSV

    private static let stepEvent = """
        , "event": { "occurred_at": "at", "type": "step", "case_id": "parcel", "event_id": "id" }
        """

    private static let csv = [
        LogFixture(
            name: "csv", file: "parcels.csv", rules: stepEvent,
            text: """
                id,at,step,parcel,note
                1,2026-01-05T08:00:00Z,packed,p-1,"said ""now"",
                then left"
                2,2026-01-05T08:00:01Z,sent,p-1,
                3,2026-01-05T08:00:02Z,lost,p-2,x,y
                4,soon,lost,p-2,
                5,2026-01-05T08:00:04Z,found,p-2,Zoë

                """, starts: ["1,2026", "2,2026", "5,2026"],
            rows: [
                [
                    "2026-01-05 08:00:00", "packed", "p-1", "1", "shop", "∅", "∅", "∅",
                    #"{"note": "said \"now\",\nthen left"}"#,
                ], ["2026-01-05 08:00:01", "sent", "p-1", "2", "shop", "∅", "∅", "∅", "{}"],
                ["2026-01-05 08:00:04", "found", "p-2", "5", "shop", "∅", "∅", "∅", #"{"note": "Zoë"}"#],
            ],
            rejects: [
                Refused(5, "malformed_csv", "3,2026-01-05T08:00:02Z,lost,p-2,x,y"),
                Refused(6, "bad_time", "4,soon,lost,p-2,"),
            ]),
        LogFixture(
            name: "tsv", file: "parcels.tsv", rules: stepEvent,
            text: "id\tat\tstep\tparcel\tnote\n"
                + "1\t2026-01-05T08:00:00Z\tpacked\tp-1\ta\\tb\\nc \"d\n"
                + "2\t2026-01-05T08:00:01Z\tsent\tp-1\t\\N\n" + "3\t2026-01-05T08:00:02Z\tlost\n"
                + "4\t2026-01-05T08:00:03Z\tfound\tp-2\t\\\\\n", starts: ["1\t2026", "2\t2026", "4\t2026"],
            rows: [
                [
                    "2026-01-05 08:00:00", "packed", "p-1", "1", "shop", "∅", "∅", "∅",
                    #"{"note": "a\tb\nc \"d"}"#,
                ], ["2026-01-05 08:00:01", "sent", "p-1", "2", "shop", "∅", "∅", "∅", "{}"],
                ["2026-01-05 08:00:03", "found", "p-2", "4", "shop", "∅", "∅", "∅", #"{"note": "\\"}"#],
            ], rejects: [Refused(4, "malformed_csv", "3\t2026-01-05T08:00:02Z\tlost")]),
        LogFixture(
            name: "csv in a dialect", file: "parcels.txt",
            keys: """
                , "format": "csv", "separator": ";", "quote": "'", "escape": "\\\\", "comment": "#", "skip_lines": 2,
                  "header": ["id", "at", "step", "parcel", "note"], "ragged": "fill"
                """, rules: stepEvent,
            text: """
                export of parcels
                made by 'hand
                1;2026-01-05T08:00:00Z;'packed; wrapped';p-1;it\\'s
                # a comment; of the depot
                2;2026-01-05T08:00:01Z;sent;p-1
                3;2026-01-05T08:00:02Z;lost;p-2;;surplus
                4;2026-01-05T08:00:03Z;found;p-2;;

                """, starts: ["1;2026", "2;2026", "4;2026"],
            rows: [
                [
                    "2026-01-05 08:00:00", "packed; wrapped", "p-1", "1", "shop", "∅", "∅", "∅",
                    #"{"note": "it's"}"#,
                ], ["2026-01-05 08:00:01", "sent", "p-1", "2", "shop", "∅", "∅", "∅", "{}"],
                ["2026-01-05 08:00:03", "found", "p-2", "4", "shop", "∅", "∅", "∅", "{}"],
            ], rejects: [Refused(6, "malformed_csv", "3;2026-01-05T08:00:02Z;lost;p-2;;surplus")]),
        LogFixture(
            name: "csv in Latin-1", file: "parcels.csv", keys: #", "encoding": "latin-1""#, rules: stepEvent,
            text: """
                id,at,step,parcel,né à
                1,2026-01-05T08:00:00Z,geprüft,p-1,Žižkov
                2,2026-01-05T08:00:01Z,sent,p-ß,ÿ
                3,2026-01-05T08:00:02Z,é
                4,2026-01-05T08:00:03Z,sent,p-ß,

                """.replacing("Ž", with: "Z").replacing("ž", with: "z"), encoding: .isoLatin1,
            starts: ["1,2026", "2,2026", "4,2026"],
            rows: [
                [
                    "2026-01-05 08:00:00", "geprüft", "p-1", "1", "shop", "∅", "∅", "∅",
                    #"{"né à": "Zizkov"}"#,
                ],
                ["2026-01-05 08:00:01", "sent", "p-ß", "2", "shop", "∅", "∅", "∅", #"{"né à": "ÿ"}"#],
                ["2026-01-05 08:00:03", "sent", "p-ß", "4", "shop", "∅", "∅", "∅", "{}"],
            ], rejects: [Refused(4, "malformed_csv", "3,2026-01-05T08:00:02Z,é")]),
        LogFixture(
            name: "csv in UTF-16", file: "parcels.csv", keys: #", "encoding": "utf-16""#, rules: stepEvent,
            text: """
                id,at,step,parcel,note
                1,2026-01-05T08:00:00Z,geprüft,p-1,Žižkov 😀
                2,2026-01-05T08:00:01Z,漢
                3,2026-01-05T08:00:02Z,sent,p-漢,

                """, encoding: .utf16LittleEndian, starts: ["1,2026", "3,2026"],
            rows: [
                [
                    "2026-01-05 08:00:00", "geprüft", "p-1", "1", "shop", "∅", "∅", "∅",
                    #"{"note": "Žižkov 😀"}"#,
                ],
                ["2026-01-05 08:00:02", "sent", "p-漢", "3", "shop", "∅", "∅", "∅", "{}"],
            ], rejects: [Refused(3, "malformed_csv", "2,2026-01-05T08:00:01Z,漢")]),
    ]

    // MARK: - Lines of text

    private static let lines = [
        LogFixture(
            name: "logfmt", file: "app.log", keys: #", "format": "logfmt""#,
            text: """
                ts=2026-01-05T08:00:00Z level=info msg="order \\"7\\" paid" case_id=o-7 user=u-1 request_id=r-1 took=12ms
                time=2026-01-05T08:00:01Z level=warn event=order.late msg="too late" event_id=e-2 service=depot retry
                ts=2026-01-05T08:00:02Z msg="never closed
                level=info msg="no time"

                ts=2026-01-05T08:00:03Z message=done level=info level=debug empty=

                """, starts: ["ts=2026-01-05T08:00:00Z", "time=2026", "ts=2026-01-05T08:00:03Z"],
            rows: [
                [
                    "2026-01-05 08:00:00", #"order "7" paid"#, "o-7", "@", "shop", "u-1", "r-1", "∅",
                    #"{"took": "12ms", "level": "info"}"#,
                ],
                [
                    "2026-01-05 08:00:01", "order.late", "e-2", "e-2", "depot", "∅", "∅", "∅",
                    #"{"msg": "too late", "level": "warn", "retry": true}"#,
                ],
                [
                    "2026-01-05 08:00:03", "done", "@", "@", "shop", "∅", "∅", "∅",
                    #"{"level": "info", "level_2": "debug"}"#,
                ],
            ],
            rejects: [
                Refused(3, "malformed_line", "ts=2026-01-05T08:00:02Z msg=\"never closed"),
                Refused(4, "missing_time", "level=info msg=\"no time\""),
            ]),
        LogFixture(
            name: "regex", file: "queue.log",
            keys:
                #", "format": "regex", "pattern": "^\\[(?<time>[^\\]]+)\\] (?P<type>\\S+) job=(?<case_id>\\d+)(?: (?<rest>.*))?$""#,
            text: """
                [2026-01-05 08:00:00] enqueued job=7 prio=high "ä"
                [2026-01-05 08:00:01] started job=7
                [2026-01-05 08:00:02] started job=seven
                [soon] started job=8
                [2026-01-05 08:00:04] done job=7

                """,
            starts: [
                "[2026-01-05 08:00:00", "[2026-01-05 08:00:01", "[2026-01-05 08:00:04",
            ],
            rows: [
                [
                    "2026-01-05 08:00:00", "enqueued", "7", "@", "shop", "∅", "∅", "∅",
                    #"{"rest": "prio=high \"ä\""}"#,
                ], ["2026-01-05 08:00:01", "started", "7", "@", "shop", "∅", "∅", "∅", "{}"],
                ["2026-01-05 08:00:04", "done", "7", "@", "shop", "∅", "∅", "∅", "{}"],
            ],
            rejects: [
                Refused(3, "malformed_line", "[2026-01-05 08:00:02] started job=seven"),
                Refused(4, "bad_time", "[soon] started job=8"),
            ]),
        LogFixture(
            name: "access, common and combined", file: "access.log", keys: #", "format": "access""#,
            text: """
                203.0.113.9 - u-17 [05/Jan/2026:09:00:00 +0100] "GET /cart?a=1 HTTP/1.1" 200 2326
                shop.example:443 203.0.113.9 - - [05/Jan/2026:08:00:01 +0000] "POST /pay HTTP/2.0" 502 - "https://shop.example/" "curl/8.5"
                203.0.113.9 - - [05/Jan/2026:08:00:02 +0000] "GET / HTTP/1.1" many 5
                203.0.113.9 - - [05/Jun/20x6] "GET / HTTP/1.1" 200 5
                203.0.113.9 - - [05/Jan/2026:08:00:04 +0000] "\\x16\\x03" 400 0 "-" "-" rt=0.1

                """,
            starts: ["203.0.113.9 - u-17", "shop.example", "203.0.113.9 - - [05/Jan/2026:08:00:04"],
            rows: [
                [
                    "2026-01-05 08:00:00", "http.200", "@", "@", "shop", "u-17", "∅", "∅",
                    #"{"host": "203.0.113.9", "path": "/cart?a=1", "bytes": 2326, "method": "GET", "request": "GET /cart?a=1 HTTP/1.1", "protocol": "HTTP/1.1"}"#,
                ],
                [
                    "2026-01-05 08:00:01", "http.502", "@", "@", "shop.example:443", "∅", "∅", "∅",
                    #"{"host": "203.0.113.9", "path": "/pay", "method": "POST", "referer": "https://shop.example/", "request": "POST /pay HTTP/2.0", "protocol": "HTTP/2.0", "user_agent": "curl/8.5"}"#,
                ],
                [
                    "2026-01-05 08:00:04", "http.400", "@", "@", "shop", "∅", "∅", "∅",
                    #"{"host": "203.0.113.9", "bytes": 0, "extra": ["rt=0.1"], "request": "\u0016\u0003"}"#,
                ],
            ],
            rejects: [
                Refused(
                    3, "malformed_line",
                    "203.0.113.9 - - [05/Jan/2026:08:00:02 +0000] \"GET / HTTP/1.1\" many 5"),
                Refused(4, "bad_time", "203.0.113.9 - - [05/Jun/20x6] \"GET / HTTP/1.1\" 200 5"),
            ]),
    ]

    // MARK: - Standards

    private static let cloudEvent1 =
        #"{"specversion":"1.0","id":"A-1","source":"/orders","type":"com.shop.order.created","subject":"o-1","#
        + #""time":"2026-01-05T08:00:00Z","datacontenttype":"application/json","#
        + #""traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","sequence":"7","data":{"sum":12}}"#
    private static let cloudEvent2 =
        #"{"specversion":"1.0","id":"A-2","source":"/stock","type":"com.shop.low","time":"2026-01-05T08:00:01+00:00","#
        + #""sequence":"a7","data_base64":"aGk="}"#

    private static let cloudRow1 = [
        "2026-01-05 08:00:00", "com.shop.order.created", "o-1", "/orders A-1", "/orders", "∅",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "7",
        #"{"data": {"sum": 12}, "sequence": "7", "specversion": "1.0", "datacontenttype": "application/json"}"#,
    ]
    private static let cloudRow2 = [
        "2026-01-05 08:00:01", "com.shop.low", "/stock A-2", "/stock A-2", "/stock", "∅", "∅", "∅",
        #"{"sequence": "a7", "data_base64": "aGk=", "specversion": "1.0"}"#,
    ]

    private static func logRecord(_ second: Int, _ more: String) -> String {
        #"{"timeUnixNano":"176760000\#(second)000000000"\#(more)}"#
    }

    private static func resourceLogs(_ service: String, _ records: String) -> String {
        #"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"\#(service)"}}]},"#
            + #""scopeLogs":[{"scope":{"name":"app"},"logRecords":[\#(records)]}]}]}"#
    }

    private static let standards = [
        LogFixture(
            name: "cloudevents, one", file: "event.json", keys: #", "format": "cloudevents""#,
            text: cloudEvent1.replacing(",\"", with: ",\n  \""), starts: ["{"], rows: [cloudRow1]),
        LogFixture(
            name: "cloudevents, a batch", file: "events.json", keys: #", "format": "cloudevents""#,
            text: """
                [\(cloudEvent1),
                 {"specversion":"1.0","source":"/orders","type":"t","time":"2026-01-05T08:00:00Z"},
                 \(cloudEvent2)]

                """,
            starts: ["{\"specversion\":\"1.0\",\"id\":\"A-1\"", "{\"specversion\":\"1.0\",\"id\":\"A-2\""],
            rows: [cloudRow1, cloudRow2],
            rejects: [
                Refused(
                    2, "missing_event_id",
                    #"{"specversion":"1.0","source":"/orders","type":"t","time":"2026-01-05T08:00:00Z"}"#)
            ]),
        LogFixture(
            name: "cloudevents, lines of both", file: "events.log", keys: #", "format": "cloudevents""#,
            text: """
                {"specversion":"1.0","id":
                [\(cloudEvent2)]
                \(cloudEvent1)

                """,
            starts: ["{\"specversion\":\"1.0\",\"id\":\"A-2\"", "{\"specversion\":\"1.0\",\"id\":\"A-1\""],
            rows: [cloudRow2, cloudRow1],
            rejects: [Refused(1, "malformed_json", "{\"specversion\":\"1.0\",\"id\":")]),
        LogFixture(
            name: "otlp", file: "logs.jsonl", keys: #", "format": "otlp""#,
            text: resourceLogs(
                "shop-web",
                logRecord(
                    0,
                    #","severityText":"INFO","traceId":"5b8efff798038103d269b633813fc60c","eventName":"order.paid","#
                        + #""body":{"stringValue":"paid"},"attributes":[{"key":"log.record.uid","value":{"stringValue":"u1"}},"#
                        + #"{"key":"user.id","value":{"stringValue":"u-7"}},{"key":"sum","value":{"intValue":"12"}}]"#
                )
                    + "," + logRecord(1, #","severityText":"WARN","body":{"stringValue":"slow"}"#))
                + "\n" + #"{"resourceSpans":[]}"# + "\n"
                + resourceLogs("depot", #"{"body":{"stringValue":"no time"}},7,"# + logRecord(3, "")) + "\n",
            starts: [
                "{\"timeUnixNano\":\"1767600000", "{\"timeUnixNano\":\"1767600001",
                "{\"timeUnixNano\":\"1767600003",
            ],
            rows: [
                [
                    "2026-01-05 08:00:00", "order.paid", "5b8efff798038103d269b633813fc60c", "u1", "shop-web",
                    "u-7",
                    "5b8efff798038103d269b633813fc60c", "∅",
                    #"{"body": "paid", "scope": {"name": "app"}, "resource": {"service.name": "shop-web"}, "attributes": {"sum": 12, "user.id": "u-7", "log.record.uid": "u1"}, "severityText": "INFO", "timeUnixNano": 1767600000000000000}"#,
                ],
                [
                    "2026-01-05 08:00:01", "log.WARN", "@", "@", "shop-web", "∅", "∅", "∅",
                    #"{"body": "slow", "scope": {"name": "app"}, "resource": {"service.name": "shop-web"}, "timeUnixNano": 1767600001000000000}"#,
                ],
                [
                    "2026-01-05 08:00:03", "log", "@", "@", "depot", "∅", "∅", "∅",
                    #"{"scope": {"name": "app"}, "resource": {"service.name": "depot"}, "timeUnixNano": 1767600003000000000}"#,
                ],
            ],
            rejects: [
                Refused(2, "malformed_json", #"{"resourceSpans":[]}"#),
                Refused(3, "missing_time", #"{"body":{"stringValue":"no time"}}"#),
                Refused(3, "not_an_object", "7"),
            ]),
        LogFixture(
            name: "ecs, nested and dotted", file: "ecs.log", keys: #", "format": "ecs""#,
            text: """
                {"@timestamp":"2026-01-05T08:00:00.000Z","event":{"action":"order-paid","id":"e1","dataset":"shop.orders"},"service":{"name":"shop-web"},"trace":{"id":"t1"},"user":{"id":"u-7","name":"buyer"},"message":"paid"}
                {"@timestamp":"2026-01-05T08:00:01.000Z","event.dataset":"shop.orders","event.id":"e2","service.name":"shop-web","trace.id":"t1","user.name":"buyer","log.level":"info"}
                {"@timestamp":"2026-01-05T08:00:02.000Z","message":"bare"}
                {"@timestamp":"2026-01-05T08:00:03.000Z","message":bare}
                {"@timestamp":{"gte":"now"},"message":"not yet"}

                """,
            starts: [
                "{\"@timestamp\":\"2026-01-05T08:00:00", "{\"@timestamp\":\"2026-01-05T08:00:01",
                "{\"@timestamp\":\"2026-01-05T08:00:02",
            ],
            rows: [
                [
                    "2026-01-05 08:00:00", "order-paid", "t1", "e1", "shop-web", "u-7", "t1", "∅",
                    #"{"user": {"id": "u-7", "name": "buyer"}, "event": {"id": "e1", "action": "order-paid", "dataset": "shop.orders"}, "trace": {"id": "t1"}, "message": "paid", "service": {"name": "shop-web"}}"#,
                ],
                [
                    "2026-01-05 08:00:01", "shop.orders", "t1", "e2", "shop-web", "buyer", "t1", "∅",
                    #"{"log.level": "info"}"#,
                ],
                ["2026-01-05 08:00:02", "event", "@", "@", "shop", "∅", "∅", "∅", #"{"message": "bare"}"#],
            ],
            rejects: [
                Refused(
                    4, "malformed_json", "{\"@timestamp\":\"2026-01-05T08:00:03.000Z\",\"message\":bare}"),
                Refused(5, "not_a_scalar", "{\"@timestamp\":{\"gte\":\"now\"},\"message\":\"not yet\"}"),
            ]),
        LogFixture(
            name: "xes", file: "orders.xes",
            text: """
                <?xml version="1.0" encoding="UTF-8"?>
                <log xes.version="1.0" xmlns="http://www.xes-standard.org/">
                  <trace>
                    <string key="concept:name" value="o-1"/>
                    <event>
                      <string key="concept:name" value="created"/>
                      <date key="time:timestamp" value="2026-01-05T09:00:00.000+01:00"/>
                      <string key="org:resource" value="Zoë &amp; co"/>
                      <string key="lifecycle:transition" value="complete"/>
                    </event>
                    <event><string key="concept:name" value="a & b"/></event>
                    <event><string key="concept:name" value="lost"/></event>
                  </trace>
                  <trace>
                    <string key="concept:name" value="o-2"/>
                    <event>
                      <id key="identity:id" value="e-9"/>
                      <string key="concept:name" value="sent"/>
                      <date key="time:timestamp" value="2026-01-05T08:00:05Z"/>
                      <float key="sum" value="12.50"/>
                    </event>
                  </trace>
                </log>

                """, starts: ["<event>\n", "<event>\n"],
            rows: [
                [
                    "2026-01-05 08:00:00", "created", "o-1", "@", "shop", "Zoë & co", "∅", "∅",
                    #"{"lifecycle:transition": "complete"}"#,
                ], ["2026-01-05 08:00:05", "sent", "o-2", "e-9", "shop", "∅", "∅", "∅", #"{"sum": 12.50}"#],
            ],
            rejects: [
                Refused(11, "malformed_xml", "<event><string key=\"concept:name\" value=\"a & b\"/></event>"),
                Refused(12, "missing_time", "<event><string key=\"concept:name\" value=\"lost\"/></event>"),
            ]),
    ]
}
