import Events
import Extract

/// How pages follow each other, and which of them are new.
extension HTTPSourceReader {
    func readPagination(_ value: JSONValue) -> Pagination? {
        let name = "pagination of \(name)"
        let types: [String: [String]] = [
            "single": [], "header_link": [], "json_link": ["next_path"],
            "cursor": [
                "cursor_path", "cursor_header", "cursor_item", "cursor_param", "cursor_body_path",
                "has_more_path",
            ],
            "offset": [
                "offset_param", "offset_body_path", "limit_param", "limit_body_path", "limit", "total_path",
            ],
            "page_number": ["page_param", "page_body_path", "first", "total_path"],
        ]
        guard let (type, object) = typed(value, name, types) else { return nil }
        let total = object["total_path"].flatMap { path($0, "total_path in \(name)") }
        switch type {
        case "single": return .single
        case "header_link": return .headerLink
        case "json_link":
            return reader.required("next_path", of: object, "\"next_path\": \"links.next\"")
                .flatMap { path($0, "next_path in \(name)") }.map { .jsonLink(next: $0) }
        case "cursor": return readCursor(object, name)
        case "offset":
            guard let value = reader.required("limit", of: object, "\"limit\": 500"),
                let size = whole(value, "limit in \(name)", 1...1_000_000)
            else { return nil }
            return .offset(
                Pagination.Offset(
                    offset: place(object, "offset", name) ?? .query("offset"),
                    limit: place(object, "limit", name) ?? .query("limit"), size: size, total: total))
        default:
            let first = object["first"].map { whole($0, "first in \(name)", 0...1_000_000) } ?? 1
            return first.map {
                .pageNumber(
                    Pagination.PageNumber(
                        page: place(object, "page", name) ?? .query("page"), first: $0, total: total))
            }
        }
    }

    private func readCursor(_ object: DefinitionReader.Object, _ name: String) -> Pagination? {
        let origins = ["cursor_path", "cursor_header", "cursor_item"].filter { object[$0] != nil }
        guard origins.count == 1, let value = object[origins[0]] else {
            reader.error(
                "\(name) needs one of \"cursor_path\" (in the answer), \"cursor_header\" and \"cursor_item\" (in the last "
                    + "item): where the next cursor stands", at: object.value)
            return nil
        }
        let label = "\(origins[0]) in \(name)"
        let origin: Pagination.Cursor.Origin? =
            switch origins[0] {
            case "cursor_path": path(value, label).map { .body($0) }
            case "cursor_header": reader.nonEmptyString(value, label).map { .header($0) }
            default: path(value, label).map { .lastItem($0) }
            }
        guard let place = place(object, "cursor", name) else {
            reader.error(
                "\(name) lacks \"cursor_param\", or \"cursor_body_path\" for a JSON body: where the cursor is sent",
                at: object.value)
            return nil
        }
        let hasMore = object["has_more_path"].flatMap { path($0, "has_more_path in \(name)") }
        return origin.map { .cursor(Pagination.Cursor(origin: $0, place: place, hasMore: hasMore)) }
    }

    /// Where a value is sent: `KEY_param` in the query, `KEY_body_path` in a JSON body.
    func place(_ object: DefinitionReader.Object, _ key: String, _ name: String) -> ParameterPlace? {
        place(object, param: "\(key)_param", bodyPath: "\(key)_body_path", name)
    }

    func place(
        _ object: DefinitionReader.Object, param: String, bodyPath: String, _ name: String
    ) -> ParameterPlace? {
        if let value = object[param] {
            if let other = object[bodyPath] {
                reader.error("\(name) has both \"\(param)\" and \"\(bodyPath)\"; keep one", at: other)
            }
            return reader.nonEmptyString(value, "\(param) in \(name)").map { .query($0) }
        }
        return object[bodyPath].flatMap { path($0, "\(bodyPath) in \(name)") }.map { .body($0.steps) }
    }

    // MARK: - Only what is new

    func readIncremental(_ value: JSONValue) -> Incremental? {
        let name = "incremental of \(name)"
        let keys = [
            "cursor_field", "param", "body_path", "initial", "lag", "end", "end_param", "end_body_path",
        ]
        guard let object = reader.object(value, name, keys: keys) else { return nil }
        let field = reader.required("cursor_field", of: object, "\"cursor_field\": \"updated_at\"")
            .flatMap { path($0, "cursor_field in \(name)") }
        guard let place = place(object, param: "param", bodyPath: "body_path", name) else {
            reader.error(
                "\(name) lacks \"param\", or \"body_path\" for a JSON body: where the mark is sent", at: value
            )
            return nil
        }
        guard let field else { return nil }
        var incremental = Incremental(field: field, place: place)
        if let value = object["initial"] { incremental.initial = cursorValue(value, "initial in \(name)") }
        if let value = object["lag"] {
            incremental.lagMicroseconds = reader.duration(value, "lag in \(name)") ?? 0
        }
        if let value = object["end"], let end = cursorValue(value, "end in \(name)") {
            guard let place = self.place(object, param: "end_param", bodyPath: "end_body_path", name) else {
                reader.error("\(name) has an \"end\" and no \"end_param\": where it is sent", at: value)
                return nil
            }
            incremental.end = (end, place)
        } else if let value = object["end_param"] ?? object["end_body_path"], object["end"] == nil {
            reader.error("\(name) says where an \"end\" is sent, and has none", at: value)
        }
        return incremental
    }

    /// A text or a number, as JSON.
    private func cursorValue(_ value: JSONValue, _ name: String) -> String? {
        switch value.content {
        case .number(let text): return text
        case .string: return reader.nonEmptyString(value, name).map { JSONValue(.string($0)).json }
        default:
            reader.error("\(name) is \(value.typeName); it must be a string or a number", at: value)
            return nil
        }
    }
}
