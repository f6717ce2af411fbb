import Events
import Extract
import Foundation
import Testing

/// The parts of an HTTP source that need no server.
struct HTTPPartsTests {
    @Test(
        "The next link of a Link header",
        arguments: [
            (nil, nil), ("", nil),
            ("<https://a.example/x?page=2>; rel=\"next\"", "https://a.example/x?page=2"),
            ("<a?p=1>; rel=prev, <a?p=3>; rel=next", "a?p=3"),
            ("<a?p=3>;rel=\"last next\"", "a?p=3"),
            ("<a?q=1,2>; title=\"one, two; rel=next\"; rel=\"prev\", <b>; REL=\"Next\"", "b"),
            ("<a>; rel=last", nil), ("garbage", nil), ("<unclosed", nil), ("<a>", nil),
        ] as [(String?, String?)])
    func linkHeader(_ header: String?, _ expected: String?) {
        #expect(LinkHeader.next(header) == expected)
    }

    @Test(
        "What is asked for after a mark is a little before it, in the mark's own form",
        arguments: [
            ("\"2026-01-01T00:00:00Z\"", "\"2025-12-31T23:59:59Z\"", "\"2025-12-31T23:49:59Z\""),
            ("\"2026-01-01T00:00:00.500Z\"", "\"2026-01-01T00:00:00.499Z\"", "\"2025-12-31T23:50:00.499Z\""),
            (
                "\"2026-01-01T00:00:00.000001\"", "\"2026-01-01T00:00:00.000000\"",
                "\"2025-12-31T23:50:00.000000\""
            ),
            ("\"2026-01-01 00:00:00+02:00\"", "\"2025-12-31 21:59:59Z\"", "\"2025-12-31 21:49:59Z\""),
            ("\"2026-01-01T00:00\"", "\"2025-12-31T23:59:00\"", "\"2025-12-31T23:49:00\""),
            ("\"2026-01-01\"", "\"2025-12-31\"", "\"2025-12-30\""),
            ("1767225600", "1767225599", "1767224999"),
            ("1767225600000", "1767225599999", "1767224999999"),
            ("1767225600.25", "1767225600.24", "1767225000.24"),
            ("\"17\"", "\"16\"", "\"-584\""), ("0.5", "0.4", "-599.6"),
            ("\"abc\"", "\"abc\"", "\"abc\""),
            ("1767225600000000000", "1767225599999999999", "1767224999999999999"),
            ("1767225600.123456789", "1767225600.12345677", "1767225000.12345677"),
            ("\"0000000123\"", "\"0000000122\"", "\"-478\""),
            ("0.12345678901234567", "0.12345678901234566", "0.12345678901234567"),
            ("1.767e9", "1.767e9", "1.767e9"), ("\"n/a\"", "\"n/a\"", "\"n/a\""),
        ])
    func marks(_ mark: String, _ before: String, _ tenMinutesBefore: String) {
        #expect(CursorValue(mark).before(lagMicroseconds: 0) == before)
        #expect(CursorValue(mark).before(lagMicroseconds: 600_000_000) == tenMinutesBefore)
    }

    @Test("What is asked for is never at or behind the mark")
    func marksGoBack() {
        for _ in 0..<2_000 {
            let time = Timestamp(microseconds: Int64.random(in: 0...4_000_000_000_000_000))
            let marks = ["\"\(time)\"", "\(time.microseconds)", "\(time.microseconds / 1_000_000)"]
            for mark in marks.map({ CursorValue($0) }) {
                let lag = Int64.random(in: 0...10_000_000_000)
                #expect(CursorValue(mark.before(lagMicroseconds: lag)) < mark)
            }
        }
    }

    @Test("Values of a cursor field are compared as what they are")
    func comparesMarks() {
        func ordered(_ low: String, _ high: String) -> Bool {
            CursorValue(low) < CursorValue(high) && !(CursorValue(high) < CursorValue(low))
        }
        #expect(
            ordered("9", "10") && ordered("\"9\"", "\"10\"") && ordered("9.5", "10") && ordered("-1", "0"))
        #expect(ordered("\"2026-01-01T00:00:00Z\"", "\"2026-01-01T00:00:00.5Z\""))
        #expect(ordered("\"2026-01-01T00:30:00+02:00\"", "\"2025-12-31T23:00:00Z\""))
        #expect(ordered("\"a9\"", "\"b1\""))
        // What is none of them is behind none of them.
        #expect(ordered("\"n/a\"", "\"2026-01-01T00:00:00Z\"") && ordered("\"n/a\"", "5"))
        #expect(CursorValue("1") == CursorValue("1.0"))
    }

    @Test("Retry-After in seconds and as a date")
    func retryAfter() throws {
        let now = Date(timeIntervalSince1970: 1_767_225_600)  // Thu, 01 Jan 2026 00:00:00 GMT
        #expect(RetryDelay.asked("120", now: now) == 120)
        #expect(RetryDelay.asked(" 0 ", now: now) == 0)
        #expect(RetryDelay.asked("-5", now: now) == 0)
        #expect(RetryDelay.asked("Thu, 01 Jan 2026 00:01:30 GMT", now: now) == 90)
        #expect(RetryDelay.asked("Thursday, 01-Jan-26 00:01:30 GMT", now: now) == 90)
        #expect(RetryDelay.asked("Thu Jan  1 00:01:30 2026", now: now) == 90)
        // A time that is over means soon, and not at once and for ever.
        #expect(RetryDelay.asked("Wed, 31 Dec 2025 00:00:00 GMT", now: now) == 0.1)
        #expect(
            RetryDelay.asked("1e300", now: now) == 1e9
                && RetryDelay.asked("99999999999999999999", now: now) == 1e9)
        #expect(RetryDelay.asked("nan", now: now) == nil)
        #expect(RetryDelay.asked(nil, now: now) == nil && RetryDelay.asked("soon", now: now) == nil)
        for attempt in 1...20 {
            let delay = RetryDelay.backoff(attempt, firstSeconds: 0.5)
            #expect(delay > 0 && delay <= min(60, 0.5 * pow(2, Double(attempt - 1))))
        }
    }

    @Test("Secrets are hidden in every form, and come back")
    func secrets() {
        let secrets = Secrets()
        secrets.add("gehe/im+1", word: "${TOKEN}")
        secrets.add("abc", word: "${SHORT}")
        #expect(secrets.hidden("x gehe/im+1 y") == "x ${TOKEN} y")
        #expect(secrets.hidden("?k=gehe%2Fim%2B1&l=abc") == "?k=${TOKEN}&l=abc")
        #expect(secrets.hidden("%67ehe%2fim%2b1 gehe\\/im+1") == "${TOKEN} ${TOKEN}")
        #expect(secrets.hidden("Basic Z2VoZS9pbSsx") == "Basic ${TOKEN}")
        for text in [
            "x gehe/im+1", "?k=gehe%2Fim%2B1&l=gehe/im+1", "Z2VoZS9pbSsxOjQy", "${TOKEN} $<=${TOKEN}> $$ $",
            "", "gehe/im",
        ] {
            let stored = secrets.stored(text)
            #expect(stored.map { secrets.hidden($0) == $0 } == true)
            #expect(stored.flatMap { secrets.restored($0) } == text)
        }
        // In a form that cannot be told back it is not stored.
        #expect(secrets.stored("gehe%2fim+1") == nil)
        #expect(secrets.restored("$<=${OTHER}>") == nil && secrets.restored("$x") == nil)
    }

    @Test("Addresses: parameters by name, links, what a person sees")
    func addresses() throws {
        var address = try #require(HTTPAddress("https://Shop.example/v1/events?limit=5&q=a%20b#top"))
        address.set("limit", "10")
        address.set("since", "2026-01-01T00:00:00+02:00")
        #expect(
            address.text
                == "https://Shop.example/v1/events?limit=10&q=a%20b&since=2026-01-01T00%3A00%3A00%2B02%3A00")
        #expect(address.origin == "https://shop.example:443")
        func link(_ text: String) -> String? { HTTPAddress(text, relativeTo: address)?.text }
        #expect(link("?page=2") == "https://Shop.example/v1/events?page=2")
        #expect(link("/v2?x=1") == "https://Shop.example/v2?x=1")
        #expect(link("//other.example/x") == "https://other.example/x")
        #expect(
            link("/v2?source=https://x.example/&page=2")
                == "https://Shop.example/v2?source=https://x.example/&page=2")
        #expect(link("http://a.example:8080/x") == "http://a.example:8080/x")
        #expect(
            link("ftp://a.example/x") == nil && HTTPAddress("shop.example") == nil && HTTPAddress("") == nil)
        let secret = try #require(HTTPAddress("https://u:p@h.example/x?api_key=1&page_token=2&a=3"))
        #expect(secret.shown(Secrets()) == "https://h.example/x?api_key=***&page_token=***&a=3")
    }

    @Test("A value is put into a JSON body where it belongs, and the rest stays as it was written")
    func bodies() throws {
        var request = HTTPRequest(
            method: .post, url: try #require(HTTPAddress("http://h.example/")), headers: [],
            body: #"{"size": 10, "big": 12345678901234567890.10, "sort": [{"@t": "asc"}]}"#)
        request.put(#"[1767225600000, "a\"b"]"#, .body(["search_after"]))
        request.put("3", .body(["page", "from"]))
        request.put("20", .body(["size"]))
        #expect(
            request.body
                == #"{"size":20,"big":12345678901234567890.10,"sort":[{"@t":"asc"}],"search_after":[1767225600000,"a\"b"],"page":{"from":3}}"#
        )
        request.put("\"a b\"", .query("after"))
        #expect(request.url.text == "http://h.example/?after=a%20b")
    }

    // MARK: - Pages

    private func scan(_ text: String, _ change: (inout HTTPSource) -> Void = { _ in }) throws -> PageScan {
        var source = HTTPSource(name: "api", url: "http://h.example/")
        change(&source)
        let body = HTTPAnswerBody()
        try body.append(Data(text.utf8))
        try body.finish()
        return try PageScan(body, of: source)
    }

    @Test("A JSON page: items, what surrounds them, the last one and the mark")
    func jsonPage() throws {
        let page = try scan(
            #" {"meta": {"n": [1]}, "data": {"events": [ {"id": 1, "at": {"t": 5}} , {"id": 2, "at": {"t": 3}}]}, "next": "x"} "#
        ) {
            $0.dataPath = try? FieldPath(parsing: "data.events")
            $0.incremental = (try? FieldPath(parsing: "at.t")).map {
                Incremental(field: $0, place: .query("since"))
            }
        }
        #expect(page.count == 2)
        #expect(page.envelope[["next"]]?.text == "x" && page.envelope[["meta", "n", "0"]]?.text == "1")
        #expect(page.lastItem[["id"]]?.text == "2")
        #expect(page.mark?.json == "5")
    }

    @Test(
        "Arrays without items, and answers that hold none",
        arguments: [
            ("[]", nil, 0), (" [ ] ", nil, 0), ("{\"d\": null}", "d", 0), ("{\"d\": []}", "d", 0),
            ("[{}]", nil, 1), ("\u{FEFF}[{},{}]", nil, 2), ("[[{}],[{},{}]]", "1", 2),
            ("{\"d\": {}}", "d", nil), ("{\"e\": []}", "d", nil), ("{}", nil, nil), ("null", nil, nil),
            ("", nil, nil),
            ("[{}", nil, nil), ("[{},]", nil, nil), ("[{}] x", nil, nil), ("<html>", nil, nil),
            ("[{\"a\":}]", nil, nil),
            ("{\"d\": [{}], \"x\": }", "d", nil), ("{\"d\": 3}", "d.e", nil),
        ] as [(String, String?, Int?)])
    func countsItems(_ text: String, _ path: String?, _ count: Int?) throws {
        let page = try? scan(text) { $0.dataPath = path.flatMap { try? FieldPath(parsing: $0) } }
        #expect(page?.count == count)
    }

    @Test("An answer of success that holds an error is one")
    func errorPath() throws {
        func refusal(_ text: String) -> String? {
            do {
                _ = try scan(text) {
                    $0.errorPath = try? FieldPath(parsing: "error.message")
                    $0.dataPath = try? FieldPath(parsing: "data")
                }
                return nil
            } catch { return "\(error)" }
        }
        #expect(
            refusal(#"{"error": {"message": "too fast"}}"#)
                == "api: the answer is an error: \"error.message\" is \"too fast\"")
        #expect(refusal(#"{"error": {"message": null}, "data": []}"#) == nil)
        #expect(refusal(#"{"error": null, "data": []}"#) == nil)
        #expect(
            refusal(#"{"events": [1]}"#)?.contains(
                "there is an array at \"events\"; say so with \"data_path\"") == true)
    }

    @Test("NDJSON and CSV pages")
    func otherPages() throws {
        let lines = try scan("{\"id\":1,\"t\":\"b\"}\n\n  \r\n{\"id\":2,\"t\":\"a\"}") {
            $0.format = .ndjson
            $0.incremental = (try? FieldPath(parsing: "t")).map {
                Incremental(field: $0, place: .query("since"))
            }
        }
        #expect(lines.count == 2 && lines.lastItem[["id"]]?.text == "2" && lines.mark?.json == "\"b\"")
        let table = try scan("id,t\n1,7\n2,\"9\n\"\n3,8\n") {
            $0.format = .csv
            $0.incremental = (try? FieldPath(parsing: "t")).map {
                Incremental(field: $0, place: .query("since"))
            }
        }
        #expect(table.count == 3 && table.lastItem[["id"]]?.text == "3" && table.columns == ["id", "t"])
        #expect(try scan("", { $0.format = .csv }).count == 0)
        #expect(try scan("id,t\n", { $0.format = .csv }).count == 0)
        #expect(throws: ExtractError.self) { try scan("<html></html>") { $0.format = .ndjson } }
    }
}
