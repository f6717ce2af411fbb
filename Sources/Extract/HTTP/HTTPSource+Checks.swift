/// What a definition is checked for.
extension HTTPSource {
    package enum URLProblem: Sendable { case notHTTP, password }

    /// What is wrong with an address; nil where it may be asked.
    package static func problem(ofURL text: String) -> URLProblem? {
        guard let address = HTTPAddress(text) else { return .notHTTP }
        let authority = address.base.drop { $0 != "/" }.dropFirst(2).prefix { $0 != "/" }
        return authority.contains("@") ? .password : nil
    }

    /// Whether the address is of this machine, to which nothing travels.
    package static func isLocal(_ text: String) -> Bool {
        let origin = HTTPAddress(text)?.origin ?? ""
        return ["://localhost:", "://127.", "://[::1]", "://::1"].contains { origin.contains($0) }
    }

    /// Whether a name is one that secrets have.
    package static func tellsSecret(_ name: String) -> Bool {
        let telling = [
            "key", "token", "secret", "password", "passwd", "signature", "sig", "auth", "authorization",
            "cookie",
        ]
        return telling.contains { name.lowercased().hasSuffix($0) }
    }

    /// Whether a value is put into the JSON body.
    package var placesInBody: Bool {
        var places = [incremental?.place, incremental?.end?.place]
        switch pagination {
        case .cursor(let cursor): places.append(cursor.place)
        case .offset(let offset): places += [offset.offset, offset.limit]
        case .pageNumber(let number): places.append(number.page)
        case .single, .headerLink, .jsonLink: break
        }
        return places.contains { if case .body? = $0 { true } else { false } }
    }
}
