import Events
import Foundation
import Postgres
import Transform

/// `FIELD=VALUE`: what a case must have to be found.
package struct SearchCondition: Sendable {
    package enum Field: Sendable, Equatable {
        /// A declared key, which names cases.
        case key(String)
        /// A column of `raw.events`.
        case column(String)
        /// Names or indices into its `details`.
        case details([String])
    }

    package struct SyntaxError: Error, CustomStringConvertible {
        package let description: String
    }

    /// As it was written.
    package let text: String
    package let field: Field
    package let value: String

    /// What a search may ask for by its name.
    package static let columns = [
        "case_id", "event_id", "type", "service", "entity", "user_id", "correlation_id", "sequence",
    ]

    package init(field: Field, value: String) {
        text = value
        self.field = field
        self.value = value
    }

    /// - Parameter keys: the names of declared keys, which come before columns, and these before fields of `details`.
    package init(parsing text: String, keys: Set<String>) throws(SyntaxError) {
        self.text = text
        guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
            throw SyntaxError(
                description: "\"\(text)\" is no condition; write FIELD=VALUE, as in user_id=u-17 or "
                    + "details.customer.email=ann@shop.example")
        }
        let name = String(text[..<equals])
        value = String(text[text.index(after: equals)...])
        guard !value.isEmpty else {
            throw SyntaxError(description: "\"\(text)\" has no value; is a variable not set?")
        }
        if keys.contains(name) {
            field = .key(name)
        } else if SearchCondition.columns.contains(name) {
            field = .column(name)
        } else {
            let path: FieldPath
            do { path = try FieldPath(parsing: name) } catch {
                throw SyntaxError(description: error.message)
            }
            let steps = path.steps[0] == "details" ? Array(path.steps.dropFirst()) : path.steps
            guard !steps.isEmpty else {
                throw SyntaxError(
                    description: "\"\(name)\" is all of details; name a field in it, as in details.amount=5")
            }
            field = .details(steps)
        }
    }

    /// Where it stands as definitions of keys write it; nil of a key.
    var path: [String]? {
        switch field {
        case .key: nil
        case .column(let name): [name]
        case .details(let steps): ["details"] + steps
        }
    }

    /// SQL over a row of raw.events named e; nil of a key. A field of `details` meets it also as a number or word of
    /// JSON that reads so, and as a list that holds the value.
    var sql: String? {
        switch field {
        case .key: return nil
        case .column("sequence"): return "e.sequence::text = \(quoteLiteral(value))"
        case .column(let name): return "e.\(quoteIdentifier(name)) = \(quoteLiteral(value))"
        case .details(let steps):
            // Name by name costs less than a path; only a path takes a number for a place in a list.
            let given =
                steps.contains { Int($0) != nil }
                ? "(e.details #> ARRAY[\(steps.map(quoteLiteral).joined(separator: ", "))]::text[])"
                : "(e.details -> \(steps.map(quoteLiteral).joined(separator: " -> ")))"
            let forms = [SearchCondition.jsonString(value)] + (isWord ? [value] : [])
            // Taken out of the details once, whatever it is compared with.
            return "\(given) @> ANY (ARRAY[\(forms.map(quoteLiteral).joined(separator: ", "))]::jsonb[])"
        }
    }

    /// SQL over a row of raw.event_segments named s, whose lists hold many events: false only where none of them meets the
    /// condition.
    var segmentSQL: String {
        let literal = quoteLiteral(value)
        switch field {
        case .key, .column("sequence"): return "true"
        case .column(let name) where ["type", "service"].contains(name):
            return "s.\(name)s ? \(literal)"
        case .column("entity"): return "s.entities ? \(literal)"
        case .column(let name):
            // case_id, event_id, user_id, correlation_id
            let (list, uuids) = (quoteIdentifier("\(name)s"), quoteIdentifier("\(name.dropLast(3))_uuids"))
            let isAmong = UUID(uuidString: value) == nil ? "false" : "\(literal)::uuid = ANY (s.\(uuids))"
            return "CASE WHEN s.\(uuids) IS NULL THEN s.\(list) ? \(literal) ELSE \(isAmong) END"
        case .details(let steps):
            // A path of SQL/JSON takes a number for a name.
            guard !steps.contains(where: { Int($0) != nil }) else { return "true" }
            let path = "$[*]" + steps.map { ".\(SearchCondition.jsonString($0))" }.joined()
            let forms = [SearchCondition.jsonString(value)] + (isWord ? [value] : [])
            let tests = forms.map { "@ == \($0)" }.joined(separator: " || ")
            return
                "jsonb_path_exists(s.details, \(quoteLiteral("\(path) ? (\(tests))"))::jsonpath, '{}', true)"
        }
    }

    /// Whether it is also a number, true or false of JSON.
    private var isWord: Bool {
        value == "true" || value == "false"
            || value.wholeMatch(of: #/-?(0|[1-9][0-9]{0,99})(\.[0-9]{1,99})?([eE][-+]?[0-9]{1,2})?/#) != nil
    }

    private static func jsonString(_ text: String) -> String {
        let data = try? JSONSerialization.data(withJSONObject: text, options: .fragmentsAllowed)
        return String(decoding: data ?? Data("\"\"".utf8), as: UTF8.self)
    }
}
