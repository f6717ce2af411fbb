import Foundation

/// Events that an API of a test serves, in pages of every kind.
package struct EventPages: Sendable {
    package struct Item: Sendable {
        package let id: String
        /// Seconds since 1970; items of one API may share one.
        package let updatedAt: Int
        /// As JSON.
        package let json: String

        package init(id: String, updatedAt: Int, json: String) {
            (self.id, self.updatedAt, self.json) = (id, updatedAt, json)
        }
    }

    package var items: [Item]
    package var size: Int
    /// Whether `since` gives what is later only, and not what is of that second.
    package var isExclusive = false

    /// Items e0, e1, … of orders of three events each, a second for every four of them.
    package init(_ count: Int, size: Int, from first: Int = 0, padding: Int = 0) {
        items = (first..<first + count).map { EventPages.item($0, padding: padding) }
        self.size = size
    }

    package static func item(_ number: Int, padding: Int = 0) -> Item {
        let types = ["order.created", "order.paid", "order.delivered"]
        let updatedAt = 1_767_225_600 + number / 4
        let more = padding > 0 ? ",\"pad\":\"\(String(repeating: "x", count: padding))\"" : ""
        return Item(
            id: "e\(number)", updatedAt: updatedAt,
            json: """
                {"id":"e\(number)","time":\(updatedAt),"type":"\(types[number % 3])","order_id":"o\(number / 3)",\
                "updated_at":\(updatedAt),"n":\(number)\(more)}
                """)
    }

    /// What a request with this `since` is to be given.
    package func selected(_ request: TestAPI.Request) -> [Item] {
        var selected = items
        if let since = request.query["since"].flatMap(Int.init) {
            selected = selected.filter { isExclusive ? $0.updatedAt > since : $0.updatedAt >= since }
        }
        if let until = request.query["until"].flatMap(Int.init) {
            selected = selected.filter { $0.updatedAt < until }
        }
        return selected
    }

    /// The page that begins at an item.
    package func page(_ offset: Int, _ request: TestAPI.Request) -> (items: [Item], next: Int?) {
        let all = selected(request)
        let page = Array(all.dropFirst(offset).prefix(size))
        return (page, offset + size < all.count ? offset + size : nil)
    }

    package static func array(_ items: [Item]) -> String {
        "[" + items.map(\.json).joined(separator: ",") + "]"
    }

    /// Answers to `/cursor`, `/header-cursor`, `/last-item`, `/search` (POST, `search_after`), `/link`, `/header`,
    /// `/offset`, `/total`, `/page`, `/all`, `/ndjson`, `/csv`.
    package func answer(_ request: TestAPI.Request) -> TestAPI.Answer {
        func offset(_ name: String) -> Int { Int(request.query[name] ?? "") ?? 0 }
        let host = "http://\(request.headers["host"] ?? "")"
        switch request.path {
        case "/cursor":
            let page = page(offset("cursor"), request)
            return .init(
                #"{"data":{"events":\#(EventPages.array(page.items))},"next":\#(page.next.map { "\"\($0)\"" } ?? "null")}"#
            )
        case "/header-cursor":
            let page = page(offset("cursor"), request)
            return .init(EventPages.array(page.items), headers: page.next.map { [("X-Next", "\($0)")] } ?? [])
        case "/last-item":
            let from = items.firstIndex { $0.id == request.query["after"] }.map { $0 + 1 } ?? 0
            return .init(EventPages.array(page(from, request).items))
        case "/search":
            let body = (try? JSONSerialization.jsonObject(with: Data(request.body.utf8))) as? [String: Any]
            let after = (body?["search_after"] as? [Any])?.last as? String
            let from = items.firstIndex { $0.id == after }.map { $0 + 1 } ?? 0
            let hits = page(from, request).items.map {
                #"{"_source":\#($0.json),"sort":[\#($0.updatedAt),"\#($0.id)"]}"#
            }
            return .init(
                #"{"took":1,"hits":{"total":{"value":10000},"hits":[\#(hits.joined(separator: ","))]}}"#)
        case "/link":
            let page = page(offset("from"), request)
            let link = page.next.map { "\"\(host)/link?from=\($0)\"" } ?? "null"
            return .init(#"{"links":{"next":\#(link)},"items":\#(EventPages.array(page.items))}"#)
        case "/header":
            let page = page(offset("from"), request)
            let link = page.next.map {
                [("Link", "</header?from=0>; rel=\"first\", </header?from=\($0)>; rel=\"next\"")]
            }
            return .init(EventPages.array(page.items), headers: link ?? [])
        case "/offset": return .init(EventPages.array(page(offset("offset"), request).items))
        case "/total":
            let page = page(offset("offset"), request).items
            return .init(#"{"total":\#(selected(request).count),"items":\#(EventPages.array(page))}"#)
        case "/page": return .init(EventPages.array(page((max(1, offset("page")) - 1) * size, request).items))
        case "/all": return .init(EventPages.array(selected(request)))
        case "/ndjson":
            let page = page(offset("from"), request)
            let link = page.next.map { [("Link", "</ndjson?from=\($0)>; rel=next")] } ?? []
            return .init(page.items.map { $0.json + "\n" }.joined(), headers: link)
        case "/csv":
            let page = page(offset("offset"), request).items
            let rows = page.map { "\($0.id),\($0.updatedAt),order.paid,o1\n" }
            return .init("id,time,type,order_id\n" + rows.joined())
        default: return .init(#"{"error":"there is no \#(request.path)"}"#, status: 404)
        }
    }
}
