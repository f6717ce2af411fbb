import Events

/// How an API's pages follow each other, by the field's names.
package enum Pagination: Sendable, Equatable {
    /// One answer is all.
    case single
    /// The next page's address stands in the `Link` header (RFC 8288).
    case headerLink
    /// The next page's address stands in the body.
    case jsonLink(next: FieldPath)
    case cursor(Cursor)
    case offset(Offset)
    case pageNumber(PageNumber)

    /// What is handed back to get the page after.
    package struct Cursor: Sendable, Equatable {
        package enum Origin: Sendable, Equatable {
            case body(FieldPath)
            case header(String)
            /// Of the last item; with Elasticsearch, its `sort`.
            case lastItem(FieldPath)
        }
        package var origin: Origin
        package var place: ParameterPlace
        /// False there means that no page follows.
        package var hasMore: FieldPath?

        package init(origin: Origin, place: ParameterPlace, hasMore: FieldPath? = nil) {
            (self.origin, self.place, self.hasMore) = (origin, place, hasMore)
        }
    }

    /// Items are counted.
    package struct Offset: Sendable, Equatable {
        package var offset: ParameterPlace
        package var limit: ParameterPlace?
        /// Items that a page is asked to have.
        package var size: Int
        /// How many items there are in all.
        package var total: FieldPath?

        package init(offset: ParameterPlace, limit: ParameterPlace?, size: Int, total: FieldPath? = nil) {
            (self.offset, self.limit, self.size, self.total) = (offset, limit, size, total)
        }
    }

    /// Pages are counted.
    package struct PageNumber: Sendable, Equatable {
        package var page: ParameterPlace
        package var first: Int
        /// How many pages there are in all.
        package var total: FieldPath?

        package init(page: ParameterPlace, first: Int = 1, total: FieldPath? = nil) {
            (self.page, self.first, self.total) = (page, first, total)
        }
    }
}

/// Which page to ask for: what makes one request of a pull differ from the first.
package struct PageStep: Sendable, Equatable, Codable {
    /// Pages and items before it.
    package var pages = 0
    package var items = 0
    /// As JSON.
    package var cursor: String?
    /// An address, absolute.
    package var link: String?
    /// The most pages, or items, that an answer said there are.
    package var total: Int?
    /// Items of the page before, and of the largest so far.
    package var previousItems: Int?
    package var largest: Int?
    /// Signatures of the last pages before it: one of them again is no page.
    package var recent: [String]?

    package init() {}

    static let maxRecent = 8

    /// The step as it may be stored; nil where a secret stands in it that cannot be told back.
    func stored(_ secrets: Secrets) -> PageStep? { changed { secrets.stored($0) } }

    /// The opposite of `stored`.
    func restored(_ secrets: Secrets) -> PageStep? { changed { secrets.restored($0) } }

    private func changed(_ change: (String) -> String?) -> PageStep? {
        var step = self
        (step.cursor, step.link) = (cursor.flatMap(change), link.flatMap(change))
        return (step.cursor == nil) == (cursor == nil) && (step.link == nil) == (link == nil) ? step : nil
    }

    /// The step to the page before, where pages are counted; nil at the first, and where they are not.
    func before(_ pagination: Pagination) -> PageStep? {
        guard pages > 0, let previousItems else { return nil }
        switch pagination {
        case .offset, .pageNumber: break
        default: return nil
        }
        var step = self
        step.pages -= 1
        step.items -= previousItems
        return step
    }
}

extension Pagination {
    /// Changes the first request into that of a step.
    ///
    /// - Throws: where a link is none.
    func apply(_ step: PageStep, to request: inout HTTPRequest, of source: HTTPSource) throws(ExtractError) {
        switch self {
        case .single: break
        case .headerLink, .jsonLink:
            guard let link = step.link else { return }
            guard let address = HTTPAddress(link) else {
                throw source.nonsense(
                    "the link to the next page is no address: \(source.secrets.hidden(link).prefix(200))")
            }
            request.url = address
        case .cursor(let cursor):
            if let value = step.cursor { request.put(value, cursor.place) }
        case .offset(let offset):
            request.put(String(step.items), offset.offset)
            if let limit = offset.limit { request.put(String(offset.size), limit) }
        case .pageNumber(let number): request.put(String(number.first + step.pages), number.page)
        }
    }

    /// The step behind a page; nil where none follows.
    ///
    /// A page without items is the last, unless the answer says that it has more. A count of all is believed once as many
    /// were seen as any answer said there are, and the page was not full; without one, a page that is shorter than the largest before it is the last: a
    /// server may always give fewer items than it is asked for.
    ///
    /// - Throws: where the answer lacks what it should hold.
    func next(
        after scan: PageScan, _ answer: HTTPAnswer, to request: HTTPRequest, _ step: PageStep,
        of source: HTTPSource
    ) throws(ExtractError) -> PageStep? {
        guard self != .single, scan.count > 0 || saysMore(scan) else { return nil }
        var next = step
        next.pages += 1
        next.items += scan.count
        next.previousItems = scan.count
        next.largest = max(step.largest ?? 0, scan.count)
        if scan.count > 0 {
            next.recent = Array(((step.recent ?? []) + [scan.signature]).suffix(PageStep.maxRecent))
        }
        switch self {
        case .single: return nil
        case .headerLink:
            guard let link = LinkHeader.next(answer.headers["link"]) else { return nil }
            next.link = try absolute(link, in: answer, to: request, source)
        case .jsonLink(let path):
            guard let value = scan.envelope[path.steps] else { return nil }
            guard case .string(let link) = value.content else {
                if value.text == "false" { return nil }
                throw source.nonsense("\"\(path.text)\" is \(value.typeName), no link to the next page")
            }
            if link.isEmpty { return nil }
            next.link = try absolute(link, in: answer, to: request, source)
        case .cursor(let cursor):
            if let hasMore = cursor.hasMore, scan.envelope[hasMore.steps]?.text == "false" { return nil }
            guard let value = try cursor.value(scan, answer, source) else {
                guard saysMore(scan) else { return nil }
                throw source.nonsense("the answer says that there is more, and has no cursor to ask for it")
            }
            next.cursor = value
        case .offset(let offset):
            guard try !next.isLast(seen: next.items, offset.total, size: offset.size, scan, source) else {
                return nil
            }
        case .pageNumber(let number):
            guard try !next.isLast(seen: next.pages, number.total, size: nil, scan, source) else {
                return nil
            }
        }
        return next
    }

    private func saysMore(_ scan: PageScan) -> Bool {
        guard case .cursor(let cursor) = self, let hasMore = cursor.hasMore else { return false }
        return scan.envelope[hasMore.steps]?.text == "true"
    }

    private func absolute(
        _ link: String, in answer: HTTPAnswer, to request: HTTPRequest, _ source: HTTPSource
    ) throws(ExtractError) -> String {
        guard let address = HTTPAddress(link, relativeTo: answer.address ?? request.url) else {
            throw source.nonsense(
                "the link to the next page is no address: \(source.secrets.hidden(link).prefix(200))")
        }
        return address.text
    }
}

extension Pagination.Cursor {
    /// As JSON; nil where there is none.
    fileprivate func value(
        _ scan: PageScan, _ answer: HTTPAnswer, _ source: HTTPSource
    ) throws(ExtractError) -> String? {
        switch origin {
        case .header(let name):
            return answer.headers[name.lowercased()].flatMap { $0.isEmpty ? nil : quoted($0) }
        case .body(let path):
            let value = scan.envelope[path.steps]
            return value?.text == "" || value?.text == "false" ? nil : value?.json
        case .lastItem(let path):
            guard let value = scan.lastItem[path.steps] else {
                throw source.nonsense(
                    "the last item of a page has no \"\(path.text)\", which is to be the cursor")
            }
            return value.json
        }
    }
}

extension PageStep {
    /// Whether no page is to be expected behind `seen` items or pages; notes what is said of their number.
    ///
    /// Totals change, and are wrong for a moment: behind a full page one is not believed, for the page after costs less
    /// than what it may hold.
    ///
    /// - Parameter size: items that a page was asked to have; nil: nobody said.
    fileprivate mutating func isLast(
        seen: Int, _ path: FieldPath?, size: Int?, _ scan: PageScan, _ source: HTTPSource
    ) throws(ExtractError) -> Bool {
        let isShort = scan.count < largest ?? 0
        guard let path else { return isShort }
        guard let text = scan.envelope[path.steps]?.text, let told = Double(text), told >= 0 else {
            throw source.nonsense("the answer has no number at \"\(path.text)\" (total_path)")
        }
        total = max(total ?? 0, Int(clamping: Int64(min(told, 1e15))))
        return seen >= total ?? 0 && (isShort || scan.count < size ?? 0)
    }
}

extension HTTPRequest {
    /// Puts a value, a JSON text, into the query or the body.
    package mutating func put(_ json: String, _ place: ParameterPlace) {
        switch place {
        case .query(let name):
            let text = (try? JSONDocument(Array(json.utf8), isLenient: false))?.root.text
            url.set(name, text ?? json)
        case .body(let path):
            let root = (try? JSONDocument(Array((body ?? "{}").utf8), isLenient: false))?.root
            body = (root ?? JSONValue(.object([]))).json(setting: path[...], to: json)
        }
    }
}

/// The `Link` header (RFC 8288, section 3).
package enum LinkHeader {
    /// The target whose relation is `next`.
    package static func next(_ header: String?) -> String? {
        var rest = Substring(header ?? "")
        while let start = rest.firstIndex(of: "<"), let end = rest[start...].firstIndex(of: ">") {
            let target = rest[rest.index(after: start)..<end]
            let parameters = LinkHeader.parameters(&rest, after: end)
            if parameters.contains(where: { name, value in
                name.lowercased() == "rel" && value.lowercased().split(separator: " ").contains("next")
            }) {
                return String(target)
            }
        }
        return nil
    }

    /// Passes the parameters of a link up to the comma before the next one; commas in quotes are none.
    private static func parameters(_ rest: inout Substring, after end: Substring.Index) -> [(String, String)]
    {
        var found: [(String, String)] = []
        var (name, value, isValue, isQuoted) = ("", "", false, false)
        func finish() -> (String, String) { (name.trimmingSpaces, value.trimmingSpaces) }
        var index = rest.index(after: end)
        loop: while index < rest.endIndex {
            let character = rest[index]
            index = rest.index(after: index)
            switch character {
            case "\"": isQuoted.toggle()
            case "," where !isQuoted: break loop
            case ";" where !isQuoted:
                found.append(finish())
                (name, value, isValue) = ("", "", false)
            case "=" where !isQuoted && !isValue: isValue = true
            default: if isValue { value.append(character) } else { name.append(character) }
            }
        }
        found.append(finish())
        rest = rest[index...]
        return found
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
