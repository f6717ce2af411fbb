import Foundation
import TestSupport
import Testing

/// What `guess` proposes of a few records of which some are spoilt is what most of them are; where nothing would come of
/// it, the exit code says so.
struct SpoiltGuessTests {
    struct Sample: Sendable, CustomTestStringConvertible {
        let name: String
        let text: String
        let words: [String]
        /// Of the sample, by the proposal.
        let loaded: Int
        let rejected: Int
        let hasEvent: Bool
        var testDescription: String { name }

        init(
            _ name: String, _ lines: [String], _ words: String..., loaded: Int, rejected: Int,
            hasEvent: Bool = true
        ) {
            (self.name, text, self.words) = (name, lines.joined(separator: "\n") + "\n", words)
            (self.loaded, self.rejected, self.hasEvent) = (loaded, rejected, hasEvent)
        }
    }

    private static func time(_ minute: Int) -> String { "2026-01-05T10:\(minute + 10):00Z" }

    private static let plain = (0..<6).map {
        #"{"id":"e\#($0)","time":"\#(time($0))","type":"order.paid","order_id":"o\#($0 / 2)"}"#
    }

    private static func cloudevent(_ number: Int) -> String {
        #"{"specversion":"1.0","id":"e\#(number)","source":"/s","type":"a.b","time":"\#(time(number))"}"#
    }

    private static func ecs(_ number: Int, at time: String? = nil) -> String {
        #"{"@timestamp":"\#(time ?? SpoiltGuessTests.time(number))","event":{"action":"a","id":"e\#(number)"},"trace":{"id":"t"}}"#
    }

    private static func otlp(_ time: String) -> String {
        #"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{\#(time)"eventName":"a.b","traceId":"t1"}]}]}]}"#
    }

    private static let traces = (0..<8).map { number in
        let isBad = number % 2 == 1
        return "<event>" + (isBad && number > 4 ? "" : "<string key=\"concept:name\" value=\"a\"/>")
            + (number == 3
                ? "" : "<date key=\"time:timestamp\" value=\"\(isBad ? "noon" : time(number))\"/>")
            + "</event>"
    }

    static let samples: [Sample] = [
        Sample(
            "a banner before NDJSON", ["Starting service v1.2"] + plain, #""format": "ndjson" }"#,
            #""occurred_at": "time""#, #""event_id": "id""#, loaded: 6, rejected: 1),
        Sample(
            "more banner than records", (0..<9).map { "starting step \($0)" } + plain.prefix(2),
            #""format": "ndjson" }"#, loaded: 2, rejected: 9),
        Sample(
            "a banner before JSON over lines",
            ["Starting"] + plain.map { $0.replacing(",", with: ",\n  ") }, #""format": "json" }"#,
            loaded: 6, rejected: 1),
        Sample(
            "a time that is none, beside another field of times",
            (0..<4).map {
                #"{"id":"e\#($0)","timestamp":"\#($0 == 1 ? "noon" : time($0))","eta":"\#(time(9))","type":"a"}"#
            }, #""occurred_at": "timestamp""#, loaded: 3, rejected: 1),
        Sample(
            "records without a time, which have nothing else of the others",
            plain + (0..<3).map { #"{"level":"debug","note":"\#($0)"}"# }, #""type": "type""#,
            #""event_id": "id""#, #""case_id": "order_id""#, loaded: 6, rejected: 3),
        Sample(
            "half of XES",
            ["<log xes.version=\"1.0\">", "<trace><string key=\"concept:name\" value=\"c1\"/>"] + traces
                + ["</trace></log>"], #""format": "xes" }"#, loaded: 4, rejected: 4, hasEvent: false),
        Sample(
            "a time in drdroid",
            (0..<4).map {
                #"{"name":"a","timestamp":\#($0 == 2 ? "\"noon\"" : "177347520000\($0)"),"payload":{"order_id":"o\#($0)"}}"#
            }, #""format": "drdroid""#, #""case_id": "payload.order_id""#, loaded: 3, rejected: 1),
        Sample(
            "a record in drdroid",
            [#"{"timestamp":1773475200000}"#]
                + (0..<3).map { #"{"name":"a","timestamp":177347520000\#($0),"payload":{"n":1}}"# },
            #""format": "drdroid" }"#, loaded: 3, rejected: 1, hasEvent: false),
        Sample(
            "otlp", (0..<4).map { otlp($0 == 2 ? "" : "\"timeUnixNano\":\"177347520000000000\($0)\",") },
            #""format": "otlp" }"#, loaded: 3, rejected: 1, hasEvent: false),
        Sample(
            "otlp over lines",
            (0..<3).map {
                otlp("\"timeUnixNano\":\"177347520000000000\($0)\",").replacing(
                    "{\"resourceLogs\"", with: "{\n\"resourceLogs\"")
            }, #""format": "otlp" }"#, loaded: 3, rejected: 0, hasEvent: false),
        Sample(
            "elements of a batch of CloudEvents",
            [
                "[\(cloudevent(0)),", #"{"x":1},"#, "\(cloudevent(1)),", "\(cloudevent(2)),",
                #"{"specversion":"1.0","type":"a.b"},"#, "\(cloudevent(3))]",
            ], #""format": "cloudevents" }"#, loaded: 4, rejected: 2, hasEvent: false),
        Sample(
            "an element that is not JSON",
            ["[\(cloudevent(0)),", #"{"specversion": oops},"#, "\(cloudevent(1)),", "\(cloudevent(2))]"],
            #""format": "cloudevents" }"#, loaded: 3, rejected: 1, hasEvent: false),
        Sample(
            "ecs", [ecs(0), #"{"message":"bad"}"#, ecs(1), ecs(2, at: "noon"), ecs(3), ecs(4)],
            #""format": "ecs" }"#, loaded: 4, rejected: 2, hasEvent: false),
        Sample(
            "logfmt",
            (0..<4).map { "time=\(time($0)) level=info order_id=o\($0) \($0 == 2 ? "n=1" : "event=a")" },
            #""format": "logfmt""#, loaded: 3, rejected: 1),
        Sample(
            "a line before an access log",
            ["garbage"]
                + (0..<3).map {
                    "10.0.0.1 - - [05/Jan/2026:10:00:0\($0) +0000] \"GET / HTTP/1.1\" 200 7 \"-\" \"curl\""
                }, #""format": "access" }"#, loaded: 3, rejected: 1, hasEvent: false),
    ]

    @Test("What most records are decides", arguments: samples)
    func spoilt(_ sample: Sample) throws {
        let outcome = try guess(sample.text)
        #expect(outcome.guess.status == 0, "\(outcome.guess.error)")
        for word in sample.words {
            #expect(outcome.guess.out.contains(word), "\(word)\n\(outcome.guess.out)")
        }
        #expect(outcome.guess.out.contains("\"event\": {") == sample.hasEvent, "\(outcome.guess.out)")
        #expect(!outcome.guess.error.contains("no field holds a time"), "\(outcome.guess.error)")
        let counts = "\(sample.loaded) would load, \(sample.rejected) rejected"
        #expect(outcome.preview.out.contains(counts), "\(outcome.preview.out)\n\(outcome.guess.out)")
    }

    @Test(
        "Where no event would come of it, the proposal says what is missing, and the exit code is 65",
        arguments: [
            "{\"id\":1,\"type\":\"a\"}\n{\"id\":2,\"type\":\"a\"}\n", "a,b\n1,2\n3,4\n",
            "{\"time\":\"noon\",\"type\":\"a\"}\n{\"time\":\"night\",\"type\":\"b\"}\n",
        ])
    func noTime(_ text: String) throws {
        let outcome = try guess(text).guess
        #expect(outcome.status == 65)
        #expect(outcome.out.contains("// no field holds a time that is read"), "\(outcome.out)")
        #expect(outcome.error.contains("not one event comes of it"), "\(outcome.error)")
        #expect(!outcome.error.contains("keep it as"))
        let json = try guess(text, "--json").guess
        #expect(json.status == 65 && json.out.contains("not one event comes of it"))
    }

    @Test(
        "The name of a zone behind a time is read apart, and says what the time means",
        arguments: [
            ("2026-01-05 10:00:0N.123 CET [12] LOG:  order", "2026-01-05T09:00:00.123Z", "CET"),
            ("2026-07-05 10:00:0N CEST INFO order", "2026-07-05T08:00:00Z", "CEST"),
            ("2026-01-05 10:00:0N UTC [12] LOG:  order", "2026-01-05T10:00:00Z", "UTC"),
            ("2026-01-05 10:00:0N Asia/Tokyo order", "2026-01-05T01:00:00Z", "Asia/Tokyo"),
        ])
    func zones(_ line: String, _ first: String, _ zone: String) throws {
        let outcome = try guess((0..<8).map { line.replacing("N", with: "\($0)") + " \($0)\n" }.joined())
        #expect(outcome.guess.status == 0 && !outcome.guess.error.contains("tells no zone"))
        let shown = outcome.preview.out
        #expect(shown.contains("8 would load, 0 rejected") && shown.contains(first), "\(shown)")
        #expect(shown.contains(#""zone":"\#(zone)""#), "\(shown)")
    }

    @Test("A zone's name in a column")
    func zoneOfColumn() throws {
        let rows = (0..<8).map { "\($0),2026-01-05 10:00:0\($0) CET,a\n" }.joined()
        let outcome = try guess("id,at,type\n" + rows)
        let time =
            #""occurred_at": { "field": "at", "format": "%Y-%m-%d %H:%M:%S CET", "zone": "Europe/Paris" }"#
        #expect(outcome.guess.out.contains(time), "\(outcome.guess.out)")
        #expect(outcome.preview.out.contains("2026-01-05T09:00:07Z"), "\(outcome.preview.out)")
    }

    private func guess(
        _ text: String, _ option: String...
    ) throws -> (guess: DaybookCommand.Outcome, preview: DaybookCommand.Outcome) {
        let project = try TemporaryProject()
        let command = DaybookCommand(in: project.directory, database: nil)
        try project.write("some", text)
        let outcome = try Shell.run(
            DaybookCommand.path, ["guess", "some", "--name", "x"] + option, in: project.directory,
            command.environment)
        try project.write("pipelines/x.jsonc", outcome.out)
        return (outcome, try command.run("preview", "x"))
    }
}
