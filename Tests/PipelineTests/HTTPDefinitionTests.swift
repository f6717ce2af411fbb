import Extract
import Foundation
import Pipeline
import TestSupport
import Testing

/// The `http` block of a source: what it may say, and what is told of each mistake.
struct HTTPDefinitionTests {
    private func read(_ http: String, event: String = #""event_id": "id", "#) throws -> ReadDefinition {
        let project = try TemporaryProject()
        try project.write("token.txt", "from-a-file\n")
        try project.write(
            "pipelines/shop.jsonc",
            """
            { "pipeline": "shop", "sources": [ { "name": "api", "http": { \(http) },
              "event": { \(event)"occurred_at": "time", "type": "type" } } ] }
            """)
        let environment = ["TOKEN": "from-the-environment", "HOST": "shop.example"]
        return try Project(directory: project.directory, environment: environment).read(["shop"])[0]
    }

    private func api(_ http: String) throws -> HTTPSource {
        let definition = try read(http)
        #expect(definition.problems.map(\.description) == [])
        return try #require(definition.pipeline?.sources.first?.api)
    }

    @Test("Every key of the README's example is understood")
    func readsEveryPart() throws {
        let api = try api(
            """
            "url": "https://${HOST}/v1/events?kind=order", "query": {"limit": 500, "tag": ["a", "b"], "all": true},
            "headers": {"Accept": "application/json", "X-File": "${file:token.txt}"},
            "auth": {"type": "bearer", "token": "${TOKEN}"},
            "format": "json", "data_path": "data.events", "error_path": "error.message",
            "pagination": {"type": "cursor", "cursor_path": "next", "cursor_param": "cursor"},
            "incremental": {"cursor_field": "updated_at", "param": "since", "initial": "2026-01-01T00:00:00Z", "lag": "10m"},
            "requests_per_second": 5, "max_attempts": 8, "max_requests": 100, "max_pages": 50, "max_response": 1048576,
            "timeout": "30s", "max_wait": "5m", "backoff": "1s", "max_line": 4096
            """)
        #expect(
            api.name == "https://${HOST}/v1/events" && api.url == "https://shop.example/v1/events?kind=order")
        #expect(api.query.map { "\($0.name)=\($0.value)" } == ["limit=500", "tag=a", "tag=b", "all=true"])
        #expect(api.headers.map(\.value) == ["application/json", "from-a-file"])
        #expect(api.dataPath?.text == "data.events" && api.errorPath?.steps == ["error", "message"])
        #expect(
            api.incremental?.initial == "\"2026-01-01T00:00:00Z\""
                && api.incremental?.lagMicroseconds == 600_000_000)
        #expect(
            api.limits.requestsPerSecond == 5 && api.limits.maxWaitSeconds == 300
                && api.limits.backoffSeconds == 1)
        #expect(api.method == .get)
        guard case .bearer("from-the-environment") = api.authentication else {
            Issue.record("the token was not read")
            return
        }
        #expect(
            api.secrets.hidden("a from-the-environment b from-a-file c") == "a ${TOKEN} b ${file:token.txt} c"
        )
    }

    @Test("A request with a body is posted")
    func bodies() throws {
        let search = try api(
            """
            "url": "http://localhost:9200/events/_search", "data_path": "hits.hits",
            "body": {"size": 1000, "sort": [{"time": "asc"}, "id"], "query": {"term": {"k": "${TOKEN}"}}},
            "pagination": {"type": "cursor", "cursor_item": "sort", "cursor_body_path": "search_after"}
            """)
        #expect(search.method == .post)
        #expect(
            search.body?.text
                == #"{"size":1000,"sort":[{"time":"asc"},"id"],"query":{"term":{"k":"from-the-environment"}}}"#
        )
        #expect(search.body?.written.contains("${TOKEN}") == true)
        #expect(!search.requestHash.isEmpty)
    }

    @Test(
        "Each mistake is told with its place and a way out",
        arguments: [
            (
                #""query": {}"#,
                #"http of sources[0] lacks "url"; add for instance "url": "https://shop.example/v1/events""#
            ),
            (
                #""url": "shop.example/events""#,
                "url of http of sources[0] is no address; write it like https://shop.example/v1/events"
            ),
            (
                #""url": "https://me:pw@shop.example/x""#,
                #"url of http of sources[0] holds a name and password; say them with "auth": { "type": "http_basic", "username": …, "password": … }"#
            ),
            (
                #""url": "https://a.b/", "pagnation": {}"#,
                #"unknown key "pagnation" in http of sources[0]; did you mean "pagination"?"#
            ),
            (
                #""url": "https://a.b/", "pagination": {"type": "curser"}"#,
                #"type of pagination of http of sources[0] is "curser"; it must be "cursor" or "header_link" or "json_link" or "offset" or "page_number" or "single"; did you mean "cursor"?"#
            ),
            (
                #""url": "https://a.b/", "pagination": {"type": "cursor", "cursor_param": "c"}"#,
                #"pagination of http of sources[0] needs one of "cursor_path" (in the answer), "cursor_header" and "cursor_item" (in the last item): where the next cursor stands"#
            ),
            (
                #""url": "https://a.b/", "pagination": {"type": "cursor", "cursor_path": "c"}"#,
                #"pagination of http of sources[0] lacks "cursor_param", or "cursor_body_path" for a JSON body: where the cursor is sent"#
            ),
            (
                #""url": "https://a.b/", "pagination": {"type": "single", "limit": 5}"#,
                #"unknown key "limit" in pagination of http of sources[0]; known is type"#
            ),
            (
                #""url": "https://a.b/", "pagination": {"type": "offset"}"#,
                #"pagination of http of sources[0] lacks "limit"; add for instance "limit": 500"#
            ),
            (
                #""url": "https://a.b/", "auth": {"type": "bearer"}"#,
                #"auth of http of sources[0] lacks "token"; add for instance "token": "${SHOP_TOKEN}""#
            ),
            (
                #""url": "https://a.b/", "auth": {"type": "bearer", "token": "${NONE}"}"#,
                "the environment variable NONE is not set; set it, as in NONE=… daybook run"
            ),
            (
                #""url": "https://a.b/", "method": "GET", "body": {}"#,
                #"http of sources[0] has a body, and a GET has none; write "method": "POST""#
            ),
            (
                #""url": "https://a.b/", "format": "csv", "data_path": "x""#,
                "data_path of http of sources[0] is a path into JSON; the format is csv"
            ),
            (
                #""url": "https://a.b/", "incremental": {"cursor_field": "t", "param": "since", "end": "2026-01-01"}"#,
                #"incremental of http of sources[0] has an "end" and no "end_param": where it is sent"#
            ),
            (
                #""url": "https://a.b/", "incremental": {"cursor_field": "t"}"#,
                #"incremental of http of sources[0] lacks "param", or "body_path" for a JSON body: where the mark is sent"#
            ),
            (
                #""url": "https://a.b/", "requests_per_second": 0"#,
                "requests_per_second of http of sources[0] is a number above 0, as in 5 or 0.5"
            ),
            (
                #""url": "https://a.b/", "max_attempts": 0"#,
                "max_attempts of http of sources[0] is a whole number from 1 to 1000"
            ),
            (
                #""url": "https://a.b/", "query": {"a": {}}"#,
                #""a" in query of http of sources[0] is an object; it must be a string"#
            ),
            (
                #""url": "https://a.b/", "headers": {"A": "b\nc"}"#,
                #""A" in headers of http of sources[0] holds a line end"#
            ),
        ])
    func mistakes(_ http: String, _ expected: String) throws {
        let definition = try read(http)
        #expect(definition.problems.map(\.message) == [expected])
        #expect(definition.pipeline == nil)
    }

    @Test("Positions of an API's items do not last")
    func positions() throws {
        let definition = try read(#""url": "https://a.b/""#, event: #""event_id": {"derive": "position"}, "#)
        #expect(
            definition.problems.map(\.message) == [
                #"the items of an API, and the output of a command, have no positions that last; map event_id, or write {"derive": "content"}: equal items are then one event"#
            ])
    }

    @Test("Credentials on an open line are warned of")
    func openLines() throws {
        let auth = #""auth": {"type": "bearer", "token": "${TOKEN}"}"#
        #expect(try read(#""url": "http://shop.example/", "# + auth).problems.map(\.severity) == [.warning])
        #expect(try read(#""url": "http://127.0.0.1:80/", "# + auth).problems.isEmpty)
        #expect(try read(#""url": "https://shop.example/", "# + auth).problems.isEmpty)
    }
}
