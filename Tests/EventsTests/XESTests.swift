import Events
import Foundation
import Fuzz
import Testing

/// IEEE 1849-2016 (XES), and XML as it comes from writers of all kinds.
@Suite struct XESTests {
    private static let log = """
        <?xml version="1.0" encoding="UTF-8"?>
        <!-- <trace> no trace </trace> -->
        <!DOCTYPE log [ <!ENTITY a "]>"> <!-- ' --> ]>
        <log xes.version="1.0" xmlns="http://www.xes-standard.org/">
          <extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
          <global scope="event"><string key="concept:name" value="__INVALID__"/></global>
          <classifier name="Activity" keys="concept:name lifecycle:transition"/>
          <string key="source" value="a"><int key="n" value="1"/></string>
          <trace>
            <string key="concept:name" value="case 1"/>
            <event>
              <string key="concept:name" value="register"/>
              <date key="time:timestamp" value="2026-01-02T03:04:05.000+01:00"/>
              <string key="org:resource" value="Zoë &amp; co"/>
            </event>
            <!-- </trace> <event> -->
            <![CDATA[ ]]>
            <?pi </trace> ?>
            <event><int key="n" value="2"/></event>
          </trace>
          <event><string key="concept:name" value="alone"/></event>
          <trace/>
          <trace></trace>
        </log>
        """

    @Test func readsTracesAndEvents() {
        let found = XESReading(Self.log)
        #expect(
            found.events == [
                #"{"case:concept:name":"case 1","concept:name":"register","time:timestamp":"2026-01-02T03:04:05.000+01:00","org:resource":"Zoë & co"}"#,
                #"{"case:concept:name":"case 1","n":2}"#, #"{"concept:name":"alone"}"#,
            ])
        #expect(found.problems == [])
        // A record's place is from its <event to behind its </event>.
        #expect(found.items.allSatisfy { Self.text($0.range).hasPrefix("<event>") })
        #expect(found.items.allSatisfy { Self.text($0.range).hasSuffix("</event>") })
    }

    private static func text(_ range: Range<Int>) -> String {
        String(decoding: Array(log.utf8)[range], as: UTF8.self)
    }

    // MARK: - Values

    @Test(arguments: [
        (#"<string key="a" value="b"/>"#, #"{"a":"b"}"#), (#"<id key="a" value="b"/>"#, #"{"a":"b"}"#),
        (#"<date key="a" value="2026-01-02"/>"#, #"{"a":"2026-01-02"}"#),
        (#"<int key="a" value="-12"/>"#, #"{"a":-12}"#), (#"<int key="a" value=" 7 "/>"#, #"{"a":7}"#),
        (#"<int key="a" value="007"/>"#, #"{"a":"007"}"#), (#"<int key="a" value=""/>"#, #"{"a":""}"#),
        (#"<int key="a" value="1 2"/>"#, #"{"a":"1 2"}"#), (#"<int key="a" value="[1]"/>"#, #"{"a":"[1]"}"#),
        (#"<int key="a" value="null"/>"#, #"{"a":"null"}"#),
        (#"<float key="a" value="1.50E-3"/>"#, #"{"a":1.50E-3}"#),
        (#"<float key="a" value="INF"/>"#, #"{"a":"INF"}"#),
        (#"<float key="a" value=".5"/>"#, #"{"a":".5"}"#),
        (#"<boolean key="a" value="true"/>"#, #"{"a":true}"#),
        (#"<boolean key="a" value="0"/>"#, #"{"a":false}"#),
        (#"<boolean key="a" value="TRUE"/>"#, #"{"a":"TRUE"}"#), (#"<string key="a"/>"#, #"{"a":null}"#),
        (#"<newer key="a" value="1"/>"#, #"{"a":"1"}"#),
        (#"<string key="a" value="&lt;&gt;&amp;&quot;&apos;"/>"#, #"{"a":"<>&\"'"}"#),
        (#"<string key="a" value="&#10;&#x41;&#x1F600;&#00065;"/>"#, #"{"a":"\u000aA😀A"}"#),
        (#"<string key="a" value="\ &#34;&#1;"/>"#, #"{"a":"\\ \"\u0001"}"#),
        ("<string key=\"a\" value=\"b\tc\nd\r\ne\rf\"/>", #"{"a":"b c d e f"}"#),
        (#"<string key='a' value='say "b"'/>"#, #"{"a":"say \"b\""}"#),
        (#"<string value="b" key="a"/>"#, #"{"a":"b"}"#),
        ("<string\n key = \"a\"\r\n\tvalue\n=\n'b'\n/>", #"{"a":"b"}"#),
        (#"<string key="a" value="b" unit="c" xml:lang="d"/>"#, #"{"a":"b"}"#),
        (#"<string key="a" value="b"></string>"#, #"{"a":"b"}"#),
        (#"<string key="a" value="b > c"/>"#, #"{"a":"b > c"}"#),
        (#"<string key="&quot;&amp;" value=""/>"#, #"{"\"&":""}"#),
        (#"<string key="a" value="1"/><string key="b" value="2"/>"#, #"{"a":"1","b":"2"}"#),
        ("", "{}"),
    ])
    func readsValues(attributes: String, json: String) {
        for prefix in ["", "xes:"] {
            let named = attributes.replacing("</", with: "\u{1}").replacing("<", with: "<\(prefix)")
                .replacing("\u{1}", with: "</\(prefix)")
            let found = XESReading(
                "<\(prefix)trace><\(prefix)event >\(named)</\(prefix)event\n></\(prefix)trace >")
            #expect(found.events == [json])
            #expect(found.problems == [])
        }
    }

    @Test(arguments: [
        (
            #"<string key="a" value="1"><int key="b" value="2"/><int key="c" value="3"/></string>"#,
            #"{"a":"1","a.meta":{"b":2,"c":3}}"#
        ),
        (
            #"<list key="a"><values><string key="b" value="1"/><int key="b" value="2"/></values></list>"#,
            #"{"a":[{"b":"1"},{"b":2}]}"#
        ),
        (#"<list key="a"><int key="b" value="2"/></list>"#, #"{"a":[{"b":2}]}"#),
        (
            #"<list key="a"/><container key="b"></container><list key="c"><values/></list>"#,
            #"{"a":[],"b":{},"c":[]}"#
        ),
        (
            #"<container key="a"><int key="b" value="2"/><int key="c" value="3"/></container>"#,
            #"{"a":{"b":2,"c":3}}"#
        ),
        (
            #"<container key="a"><id key="m" value="n"/><values><int key="b" value="2"/></values></container>"#,
            #"{"a":{"b":2},"a.meta":{"m":"n"}}"#
        ),
        (
            #"<list key="a"><values><int key="b" value="2"><list key="c"><values><int key="d" value="3"/></values></list></int></values></list>"#,
            #"{"a":[{"b":2,"b.meta":{"c":[{"d":3}]}}]}"#
        ),
    ])
    func readsNestedAttributes(attributes: String, json: String) {
        let found = XESReading("<trace>\(attributes)<event>\(attributes)</event></trace>")
        let ofTrace = attributes.isEmpty ? "" : json.dropFirst().dropLast()
        let keys = ["\"a\":", "\"a.meta\":", "\"b\":[", "\"b\":{}", "\"c\":[]"]
        // Only the outermost keys have the prefix; an event's own come behind.
        #expect(found.events.count == 1 && found.events[0].hasSuffix(",\(ofTrace)}"))
        #expect(found.events[0].hasPrefix("{\"case:a\":") && keys.contains { found.events[0].contains($0) })
        #expect(found.problems == [])
        #expect(XESReading("<event>\(attributes)</event>").events == [json])
    }

    @Test func prefersAnEventsOwnAttributes() throws {
        let trace =
            #"<trace><string key="a" value="1"/><event><string key="case:a" value="2"/></event></trace>"#
        #expect(XESReading(trace).events == [#"{"case:a":"1","case:a":"2"}"#])
    }

    /// The standard wants a trace's attributes first; those of writers that put them last hold for all events too.
    @Test func readsAttributesBehindEvents() {
        let found = XESReading(
            #"<trace><int key="a" value="1"/><event/><int key="b" value="2"/><event/><int key="c" value="3"/></trace>"#
        )
        let event = #"{"case:a":1,"case:b":2,"case:c":3}"#
        #expect(found.events == [event, event])
        #expect(found.problems == [])
    }

    // MARK: - Windows

    @Test func readsTheSameThroughEveryWindow() {
        let broken = Self.log.replacing("register", with: "&x;").replacing("case 1", with: "a </trace> b")
        for text in [Self.log, Self.log + "text " + broken + "<trace><event></event>", broken, "no <xml"] {
            let whole = XESReading(text)
            for size in 1...(text.utf8.count + 1) {
                let piecewise = XESReading(text, window: size)
                if piecewise != whole {
                    Issue.record("\(size): \(piecewise) is not \(whole)")
                    return
                }
            }
        }
    }

    @Test(arguments: [
        "<trace>", "<trace><event></event>", "<trace", "<trace a='", "<!-", "<!-- </trace>", "<![CDA", "<?x",
        "</tr",
        "<log", "<trace><!-- </trace>", "<trace><![CDATA[</trace>", "<trace><a key='</trace>", "<event>",
        "<e",
        "<!DOCTYPE log [ <!ENTITY a '>'> >", "te", "<trace></trace",
    ])
    func waitsForMore(text: String) {
        for continuation in [Continuation.more, .open, .overlong] {
            #expect(frame(text, continuation) == .unfinished)
        }
        guard
            case .broken(0..<text.utf8.count, next: text.utf8.count, .malformedXML, _) = frame(text, .closed)
        else {
            Issue.record("\(frame(text, .closed))")
            return
        }
    }

    @Test(arguments: [
        "\n  ", "<?xml version='1.0'?>", "<log a='>'>", "</log>\n", "<!-- a --><x/>",
        "<!DOCTYPE l [<!E '>'>]>",
        "<![CDATA[ ]]>",
    ])
    func passesOverWhatIsNoRecord(text: String) {
        #expect(frame(text, .more) == .nothing(next: text.utf8.count))
        #expect(frame(text + "<trace/>", .more) == .nothing(next: text.utf8.count))
        #expect(frame("<trace/>" + text, .more) == .chunk(0..<8, next: 8))
    }

    private func frame(_ text: String, _ continuation: Continuation) -> Frame {
        var translator = XESTranslator()
        return Array(text.utf8).withUnsafeBufferPointer { translator.frame($0, from: 0, then: continuation) }
    }

    /// What looks like the end of a trace inside a comment, a CDATA section or a value.
    @Test func isNotFooledByEndsThatAreNone() {
        let trace = """
            <trace><!-- </trace> --><event><string key="a" value="</trace>"/><string key="b" value='"</trace>' /></event>
            <![CDATA[]]><?x </trace>?></trace>
            """
        #expect(XESReading(trace).events == [#"{"a":"</trace>","b":"\"</trace>"}"#])
        #expect(frame(trace + trace, .more) == .chunk(0..<trace.utf8.count, next: trace.utf8.count))
    }

    // MARK: - What is malformed

    @Test(arguments: [
        (#"<string key="a" value="&#0;"/>"#, 38, "&#0; stands for no character"),
        (#"<string key="a" value="&#xD800;"/>"#, 38, "&#xD800; stands for no character"),
        (#"<string key="a" value="&#x110000;"/>"#, 38, "&#x110000; stands for no character"),
        (#"<string key="a" value="&#+65;"/>"#, 38, "&#+65; stands for no character"),
        (#"<string key="a" value="b&nbsp;"/>"#, 39, "&nbsp; is none of &lt; &gt; &amp; &quot; &apos;"),
        (#"<string key="a" value="b & c"/>"#, 40, "a & that begins no reference is written &amp;"),
        (#"<string value="b"/>"#, 15, "an attribute has no key"),
        (#"<string key="a" key="b"/>"#, 31, "key is given twice"),
        (#"<string key="a" value=b/>"#, 37, "a value stands without its quotes"),
        (#"<string key="a"value="b"/>"#, 30, "the tag holds something else than name=\"value\""),
        (#"<string key="a" value/>"#, 31, "the tag holds something else than name=\"value\""),
        (#"<string key="a" value="b">text</string>"#, 41, "text stands where attributes should"),
        (#"<string key="a" value="b"><![CDATA[text]]></string>"#, 50, "text stands where attributes should"),
        (#"<string key="a" value="b">"#, 41, "</event> stands where it may not"),
        (#"<string key="a" value="b"></int>"#, 41, "</int> stands where it may not"),
        (#"<string key="a" value="b"/></string>"#, 42, "</string> stands where it may not"),
        (#"<string key="a" value="b/>"#, 37, "a value has no closing quote"),
        (#"<string key="a" value="b"#, 37, "a value has no closing quote"),
        (#"<string key="a" "#, 31, "a < stands in a tag"),
        ("text", 15, "text stands where attributes should"),
        (#"< string key="a"/>"#, 15, "a < that begins no tag is written &lt;"),
        (#"<values><string key="a" value="b"/></values>"#, 15, "an attribute has no key"),
    ])
    func rejectsAnEventAlone(attributes: String, place: Int, reason: String) {
        let sound = #"<event><string key="c" value="d"/></event>"#
        let trace = "<trace><event>\(attributes)</event>\(sound)</trace>\(sound)"
        let found = XESReading(trace)
        #expect(found.problems == ["malformed_xml: byte \(place) of the trace: \(reason)"])
        #expect(found.events == [#"{"c":"d"}"#, #"{"c":"d"}"#])
        #expect(found.items[0].range == 7..<(7 + 15 + attributes.utf8.count))
    }

    @Test func rejectsWhatIsNestedTooDeep() {
        func nested(_ depth: Int) -> String {
            String(repeating: #"<string key="a">"#, count: depth)
                + String(repeating: "</string>", count: depth)
        }
        #expect(XESReading("<event>\(nested(64))</event>").problems == [])
        for depth in [65, 10_000] {
            let found = XESReading("<trace><event>\(nested(depth))</event><event/></trace>")
            #expect(
                found.problems == [
                    "nested_too_deep: byte 1039 of the trace: attributes are nested deeper than 64 levels"
                ])
            #expect(found.events == ["{}"])
        }
    }

    @Test(arguments: [
        // An event that another follows, or the end of the trace.
        ("<trace><event><int key='a' value='1'/><event/></trace>", 1, 7..<38),
        ("<trace><event><int key='a' value='1'/></trace><trace><event/></trace>", 1, 7..<38),
        // What stands between the events.
        ("<trace><event/>text<event/></trace>", 2, 15..<19),
        ("<trace><event/></event><event/></trace>", 2, 15..<23),
        // A trace's attributes, without which no event behind them is whole.
        ("<trace><event/><int key='a' value='&b;'/><event/></trace>", 1, 15..<57),
        ("<trace><int key='a'><event/></trace><event/>", 1, 7..<36),
        // A trace without its end, by a writer that was stopped.
        ("<trace><event/><trace><event/></trace>", 1, 0..<15),
        ("<trace><event/></trace><trace><event/>", 1, 23..<38),
        // Beside traces.
        ("<log>text<trace><event/></trace></log>", 1, 5..<9), ("</event><event/>", 1, 0..<8),
        ("<log <trace><event/></trace>", 1, 0..<5), ("{\"no\":\"xml\"}", 0, 0..<12),
    ])
    func rejectsWhatIsNoEvent(text: String, events: Int, rejected: Range<Int>) {
        let found = XESReading(text)
        #expect(found.events.count == events)
        #expect(found.items.filter { $0.problem != nil }.map(\.range) == [rejected], "\(found)")
    }

    /// Broken anywhere and cut anywhere: nothing is read beyond its end, and what is a record is JSON.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func holdsWhatMustHoldOfMutations(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let pieces = [
            "<", ">", "</", "/>", "\"", "'", "&", ";", "&#", "&#x41;", "<!--", "-->", "<![CDATA[", "]]>",
            "<?", "?>",
            "<trace>", "</trace>", "<event>", "</event>", "<values>", "<list key='l'>", "</list>", "=", " ",
            "\n", "key",
            "value='1'", "<int key=\"a\" value=\"1\"/>", "é", "\\", "\u{1}", "<!DOCTYPE [", "]>",
        ].map { Array($0.utf8) }
        let nested = "<event><list key='a'><values><int key='b' value='1'/></values></list></event>"
        let original = Array(Self.log.replacing("<trace/>", with: "<trace>\(nested)</trace>").utf8)
        var (events, rejects) = (0, 0)
        for _ in 0..<400 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                let end = min(bytes.count, place + Int.random(in: 1...20, using: &random))
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes.removeSubrange(place..<end)
                case 1: bytes.insert(contentsOf: pieces.randomElement(using: &random)!, at: place)
                case 2: bytes.replaceSubrange(place..<end, with: pieces.randomElement(using: &random)!)
                default: bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
                }
            }
            // A mutation may cut a character in two; a parser looks for that before it translates.
            let text = String(decoding: bytes, as: UTF8.self)
            let found = XESReading(text)
            for event in found.events where (try? JSONSerialization.jsonObject(with: Data(event.utf8))) == nil
            {
                Issue.record("\(event)\n\(text)")
            }
            if XESReading(text, window: Int.random(in: 1...200, using: &random)) != found {
                Issue.record("windows differ: \(text)")
            }
            events += found.events.count
            rejects += found.problems.count
        }
        #expect(events > 600 && rejects > 300)
    }

    // MARK: - Another program's logs

    /// Python's ElementTree writes random logs, and the rows that are expected of them.
    @Test(.enabled(if: XESTests.python != nil), arguments: 1...12)
    func readsWhatElementTreeWrites(seed: Int) throws {
        let python = try #require(Self.python)
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/xes.py").path
        let base = "\(NSTemporaryDirectory())daybook-xes-\(UUID().uuidString)"
        defer { for ending in ["xes", "ndjson"] { unlink("\(base).\(ending)") } }
        let status = system("'\(python)' '\(script)' \(seed) '\(base).xes' '\(base).ndjson'")
        try #require(status == 0)
        let expected = try String(contentsOfFile: "\(base).ndjson", encoding: .utf8).split(separator: "\n")
        let text = try String(contentsOfFile: "\(base).xes", encoding: .utf8)
        for window in [Int.max, 1_000] {
            let found = XESReading(text, window: window)
            #expect(found.problems == [])
            #expect(found.events.count == expected.count)
            for (event, row) in zip(found.events, expected) {
                let (read, written) = try (Self.object(event), Self.object(String(row)))
                #expect(read == written)
            }
        }
    }

    private static func object(_ json: String) throws -> NSDictionary {
        try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? NSDictionary)
    }

    private static let python: String? = {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return folders.map { "\($0)/python3" }.first { access($0, X_OK) == 0 }
    }()
}

/// What a translator makes of a text that is read by windows, as a parser would give them.
private struct XESReading: Equatable {
    struct Item: Equatable {
        /// In the whole text.
        let range: Range<Int>
        let object: String?
        let problem: String?
    }

    private(set) var items: [Item] = []
    var events: [String] { items.compactMap(\.object) }
    var problems: [String] { items.compactMap(\.problem) }

    private let memory = GuardedMemory()

    static func == (left: XESReading, right: XESReading) -> Bool { left.items == right.items }

    /// - Parameter window: how many bytes are added where the chunk is unfinished.
    init(_ text: String, window: Int = .max) {
        let bytes = Array(text.utf8)
        var translator = XESTranslator()
        var start = 0
        var end = min(bytes.count, window)
        while start < bytes.count {
            let continuation = end == bytes.count ? Continuation.closed : .more
            var frame = Frame.unfinished
            withGuarded(Array(bytes[start..<end])) {
                frame = translator.frame($0, from: 0, then: continuation)
            }
            let next: Int
            switch frame {
            case .unfinished:
                guard end < bytes.count else {
                    Issue.record("\(start) of \(text)")
                    return
                }
                end = min(bytes.count, end + min(window, bytes.count))
                continue
            case .nothing(let place): next = place
            case .broken(let range, let place, let code, let reason):
                add(range, of: start, nil, "\(code.rawValue): \(reason)")
                next = place
            case .chunk(let range, let place):
                translate(
                    Array(bytes[start..<end][(start + range.lowerBound)..<(start + range.upperBound)]),
                    &translator, at: start)
                next = place
            }
            guard next > 0, start + next <= end else {
                Issue.record("\(frame) leads nowhere: \(text)")
                return
            }
            start += next
            end = min(bytes.count, max(end, start &+ min(window, bytes.count)))
        }
    }

    private mutating func translate(_ chunk: [UInt8], _ translator: inout XESTranslator, at start: Int) {
        var records = TranslatedRecords()
        withGuarded(chunk) { translator.translate($0, into: &records) }
        for record in records.records {
            let problem = record.problem.map { "\($0.code.rawValue): \($0.reason)" }
            add(
                record.range, of: start, problem == nil ? records.json.string(of: record.object) : nil,
                problem)
        }
    }

    private mutating func add(_ range: Range<Int>, of start: Int, _ object: String?, _ problem: String?) {
        items.append(
            Item(
                range: (start + range.lowerBound)..<(start + range.upperBound), object: object,
                problem: problem))
    }

    /// Short pieces stand before memory that cannot be read.
    private func withGuarded(_ bytes: [UInt8], _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        if bytes.count <= 4_096 { memory.withBytes(bytes, body) } else { bytes.withUnsafeBufferPointer(body) }
    }
}
