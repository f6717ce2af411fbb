import Events
import Extract

/// How an API's pages follow each other, found out by asking for the second one.
struct GuessedPagination {
    /// As a definition writes it.
    let definition: String
    /// What was seen, for a person.
    let reason: String

    private let probe: APIProbe
    private let first: GuessedRecords

    /// - Throws: where the API does not answer.
    init(_ probe: APIProbe, _ answer: APIProbe.Answer, _ first: GuessedRecords, url: String) throws {
        self.probe = probe
        self.first = first
        let ways: [() throws -> Found?] = [
            { try GuessedPagination.headerLink(probe, answer, first) },
            { try GuessedPagination.jsonLink(probe, first) },
            { try GuessedPagination.cursor(probe, answer, first) },
            { try GuessedPagination.counted(probe, first, APIProbe.parameters(of: url)) },
            { try GuessedPagination.lastItem(probe, first) },
        ]
        (definition, reason) =
            ways.lazy.compactMap { try? $0() }.first
            ?? (
                #"{ "type": "single" }"#,
                "no way to a second page was found: the answer is taken for all there is"
            )
    }

    private typealias Found = (definition: String, reason: String)

    /// Whether an answer holds other records than the first page.
    private static func isOther(_ answer: APIProbe.Answer?, _ first: GuessedRecords) -> Bool {
        guard let answer, let page = GuessedRecords(answer.bytes), page.count > 0 else { return false }
        return page.items.first?.json != first.items.first?.json && page.dataPath == first.dataPath
    }

    private static func headerLink(
        _ probe: APIProbe, _ answer: APIProbe.Answer, _ first: GuessedRecords
    ) throws -> Found? {
        guard let link = LinkHeader.next(answer.headers["link"]), isOther(try probe.follow(link), first)
        else { return nil }
        return (#"{ "type": "header_link" }"#, "the Link header leads to the next page")
    }

    private static func jsonLink(_ probe: APIProbe, _ first: GuessedRecords) throws -> Found? {
        for (path, text) in first.surroundings
        where path.last!.lowercased().contains("next") || path.contains("next") {
            guard text.contains("/") || text.hasPrefix("?"), isOther(try probe.follow(text), first) else {
                continue
            }
            return (
                #"{ "type": "json_link", "next_path": \#(quoted(path)) }"#,
                "\(path.joined(separator: ".")) leads to the next page"
            )
        }
        return nil
    }

    /// By which parameter a cursor of this name goes back, most probably.
    private static func parameters(for name: String) -> [String] {
        var names = [
            name, "cursor", "page_token", "after", "starting_after", "next_token", "token", "continuation",
            "since_id",
        ]
        if name.lowercased().hasPrefix("next") {
            let rest = name.dropFirst(4).drop { $0 == "_" || $0 == "-" }
            if !rest.isEmpty { names.insert(rest.prefix(1).lowercased() + rest.dropFirst(), at: 1) }
        }
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }

    private static func cursor(
        _ probe: APIProbe, _ answer: APIProbe.Answer, _ first: GuessedRecords
    ) throws -> Found? {
        let telling = ["next", "cursor", "continuation", "token", "after"]
        func isTelling(_ name: String) -> Bool { telling.contains { name.lowercased().contains($0) } }
        for (path, text) in first.surroundings
        where isTelling(path.last!) && !text.isEmpty && !["true", "false"].contains(text) {
            for parameter in parameters(for: path.last!) {
                guard isOther(try? probe.ask([(parameter, JSONValue(.string(text)).json)]), first) else {
                    continue
                }
                return (
                    #"{ "type": "cursor", "cursor_path": \#(quoted(path)), "cursor_param": \#(JSONValue(.string(parameter)).json) }"#,
                    "\(path.joined(separator: ".")), sent as \(parameter), gives the next page"
                )
            }
        }
        for (name, text) in answer.headers.sorted(by: { $0.key < $1.key })
        where (name.contains("next") || name.contains("cursor") || name.contains("continuation"))
            && !text.contains("/")
        {
            for parameter in parameters(for: "cursor") {
                guard isOther(try? probe.ask([(parameter, JSONValue(.string(text)).json)]), first) else {
                    continue
                }
                return (
                    #"{ "type": "cursor", "cursor_header": \#(JSONValue(.string(name)).json), "cursor_param": \#(JSONValue(.string(parameter)).json) }"#,
                    "the header \(name), sent as \(parameter), gives the next page"
                )
            }
        }
        return nil
    }

    /// Offsets and page numbers are tried: an API that does not know them gives the first page again.
    private static func counted(
        _ probe: APIProbe, _ first: GuessedRecords, _ given: [(name: String, value: String)]
    ) throws -> Found? {
        guard first.count > 0 else { return nil }
        let totals = ["total", "total_count", "count", "totalcount", "total_items", "total_results"]
        let all = first.surroundings.first {
            totals.contains($0.path.last!.lowercased()) && Double($0.text) ?? 0 > Double(first.count)
        }
        let pages = first.surroundings.first {
            ["total_pages", "totalpages", "pages", "page_count", "last_page"].contains(
                $0.path.last!.lowercased()) && Int($0.text) != nil
        }
        let limits = ["limit", "per_page", "page_size", "pagesize", "size"]
        let limit = given.first { limits.contains($0.name.lowercased()) }
        for parameter in ["offset", "skip", "start", "from"] {
            guard isOther(try? probe.ask([(parameter, "\(first.count)")]), first) else { continue }
            let total = all.map { ", \"total_path\": \(quoted($0.path))" } ?? ""
            let sent = limit.map { ", \"limit_param\": \(JSONValue(.string($0.name)).json)" } ?? ""
            let known = parameter == "offset" ? "" : ", \"offset_param\": \"\(parameter)\""
            return (
                #"{ "type": "offset", "limit": \#(first.count)\#(known)\#(sent)\#(total) }"#,
                "\(parameter)=\(first.count) gives the next page"
            )
        }
        for parameter in ["page", "page_number", "p", "pageNumber"] {
            guard isOther(try? probe.ask([(parameter, "2")]), first) else { continue }
            // Where page 1 is the first, or page 0 is.
            let isFromZero = isOther(try? probe.ask([(parameter, "1")]), first)
            let total = pages.map { ", \"total_path\": \(quoted($0.path))" } ?? ""
            let known = parameter == "page" ? "" : ", \"page_param\": \"\(parameter)\""
            return (
                #"{ "type": "page_number"\#(known)\#(isFromZero ? ", \"first\": 0" : "")\#(total) }"#,
                "\(parameter)=2 gives another page"
            )
        }
        return nil
    }

    /// The id of the last record is tried as a cursor.
    private static func lastItem(_ probe: APIProbe, _ first: GuessedRecords) throws -> Found? {
        guard let path = GuessedFields(first.items).eventID?.path,
            let id = first.last?.scalars().first(where: { $0.path == path.steps })?.text
        else { return nil }
        for parameter in ["after", "starting_after", "since_id", "after_id"] {
            guard isOther(try? probe.ask([(parameter, JSONValue(.string(id)).json)]), first) else { continue }
            return (
                #"{ "type": "cursor", "cursor_item": \#(quoted(path.steps)), "cursor_param": "\#(parameter)" }"#,
                "the last \(path.text), sent as \(parameter), gives the next page"
            )
        }
        return nil
    }

    private static func quoted(_ path: [String]) -> String {
        JSONValue(.string(FieldPath(steps: path).text)).json
    }
}

extension GuessedRecords {
    /// The scalars around the records.
    var surroundings: [(path: [String], text: String)] {
        (root?.scalars() ?? []).filter { !dataPath.isEmpty || !$0.path.isEmpty }
    }
}
