#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Reads process logs in XES (IEEE 1849-2016; XES 1.0 and 2.0): each event of a trace is a record.
///
/// A chunk is a trace, or an event that belongs to none. The attributes of an event stand under their keys
/// (`concept:name`, `time:timestamp`), those of its trace under theirs with `case:` before it
/// (`case:concept:name`); `XESAttributes` says how they become values. Of equal keys the last counts, an event's own
/// before those of its trace.
///
/// Places are bytes of the trace, from 1. What is malformed in an event rejects that event; what is malformed in the
/// attributes of a trace, the trace from there on.
package struct XESTranslator: RecordTranslator {
    /// The attributes of the trace at hand: members of a JSON object.
    private var caseMembers: [UInt8] = []

    package init() {}

    package var chunkEnd: [UInt8] { Array("</trace>".utf8) }

    // MARK: - Framing

    package mutating func frame(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, then continuation: Continuation
    ) -> Frame {
        guard let base = bytes.baseAddress, start < bytes.count else { return .unfinished }
        let attributes = XESAttributes(XMLTokens(base, to: bytes.count))
        var place = start
        // What stands around the records goes together, up to the next one or to what is wrong.
        while let next = passOver(at: place, attributes) { place = next }
        guard place == start else { return .nothing(next: place) }
        switch attributes.tokens.token(at: place) {
        case .unfinished:
            guard continuation == .closed else { return .unfinished }
            return .broken(
                place..<bytes.count, next: bytes.count, .malformedXML, reason: "what begins here has no end")
        case .malformed(_, let next, let reason):
            return .broken(place..<next, next: next, .malformedXML, reason: "\(reason)")
        case .token(let token):
            switch token.kind {
            case .startTag: return frameRecord(token, attributes, continuation)
            case .emptyTag: return .chunk(token.range, next: token.range.upperBound)
            case .text where token.range.upperBound == bytes.count && continuation != .closed:
                return .unfinished
            case .endTag:
                return .broken(
                    token.range, next: token.range.upperBound, .malformedXML,
                    reason: "the end of a trace or event that has not begun")
            default:
                return .broken(
                    token.range, next: token.range.upperBound, .malformedXML,
                    reason: "text stands where only traces and events may")
            }
        }
    }

    /// The place behind what is no record, or nil.
    private func passOver(at place: Int, _ attributes: XESAttributes) -> Int? {
        guard case .token(let token) = attributes.tokens.token(at: place) else { return nil }
        switch token.kind {
        case .ignored: return token.range.upperBound
        case .startTag, .emptyTag, .endTag:
            return attributes.isOfRecord(token) ? nil : token.range.upperBound
        case .text, .characterData:
            return blankEnd(token, attributes)
        }
    }

    /// The place behind a text of white space, or that of what is none; nil where it begins with that.
    private func blankEnd(_ text: XMLTokens.Token, _ attributes: XESAttributes) -> Int? {
        let contents = text.kind == .text ? text.range : text.name
        let visible = contents.first { !XMLTokens.isBlank(attributes.tokens.base[$0]) }
        guard let visible else { return text.range.upperBound }
        return text.kind == .text && visible > text.range.lowerBound ? visible : nil
    }

    private func frameRecord(
        _ opening: XMLTokens.Token, _ attributes: XESAttributes, _ continuation: Continuation
    ) -> Frame {
        let tokens = attributes.tokens
        let reason = "the \(attributes.text(of: opening.name)) that begins here has no end"
        let unfinished =
            continuation == .closed
            ? Frame.broken(
                opening.range.lowerBound..<tokens.end, next: tokens.end, .malformedXML, reason: reason)
            : .unfinished
        // A window may be looked at many times until the end is in it: that is asked first, for it costs little.
        let closing = [UInt8]("</".utf8) + attributes.text(of: opening.name).utf8
        guard
            closing.withUnsafeBufferPointer({ tokens.find($0, from: opening.range.upperBound) }) != nil
        else { return unfinished }
        var place = opening.range.upperBound
        while true {
            switch tokens.token(at: place) {
            case .unfinished: return unfinished
            case .malformed(_, let next, _): place = next
            case .token(let token):
                if token.kind == .endTag, attributes.isSame(token.name, opening.name) {
                    return .chunk(
                        opening.range.lowerBound..<token.range.upperBound, next: token.range.upperBound)
                }
                // The record of a writer that was stopped; what another wrote behind it is sound.
                if token.kind == .startTag, attributes.isSame(token.name, opening.name) {
                    return .broken(
                        opening.range.lowerBound..<token.range.lowerBound, next: token.range.lowerBound,
                        .malformedXML, reason: reason)
                }
                place = token.range.upperBound
            }
        }
    }

    // MARK: - Translating

    package mutating func translate(
        _ chunk: UnsafeBufferPointer<UInt8>, into records: inout TranslatedRecords
    ) {
        guard let base = chunk.baseAddress else { return }
        let attributes = XESAttributes(XMLTokens(base, to: chunk.count))
        caseMembers.removeAll(keepingCapacity: true)
        guard case .token(let root) = attributes.tokens.token(at: 0), attributes.isOfRecord(root),
            root.kind != .endTag
        else {
            return records.reject(
                0..<chunk.count, from: records.json.count, .malformedXML, "no trace begins here")
        }
        if attributes.isNamed(root.name, "event") {
            _ = translateEvent(root, attributes, into: &records)
        } else if root.kind == .startTag, !translateTrace(root, attributes, into: &records) {
            // By the standard a trace's attributes stand before its events. Where some do not, they are known now.
            records.removeAll()
            _ = translateTrace(root, attributes, knowsAttributes: true, into: &records)
        }
    }

    /// - Returns: false where an attribute of the trace stood behind an event.
    private mutating func translateTrace(
        _ opening: XMLTokens.Token, _ attributes: XESAttributes, knowsAttributes: Bool = false,
        into records: inout TranslatedRecords
    ) -> Bool {
        var place = opening.range.upperBound
        var (isInOrder, hasEvent) = (true, false)
        do throws(XMLProblem) {
            while true {
                let token = try attributes.token(at: place)
                place = token.range.upperBound
                switch token.kind {
                case .ignored: break
                case .endTag where attributes.isSame(token.name, opening.name): return isInOrder
                case .endTag: reject(token, attributes.unexpected(token), into: &records)
                case .text, .characterData:
                    do throws(XMLProblem) {
                        try attributes.requireBlank(token)
                    } catch {
                        reject(token, error, into: &records)
                    }
                case .startTag where attributes.isNamed(token.name, "event"),
                    .emptyTag where attributes.isNamed(token.name, "event"):
                    place = translateEvent(token, attributes, into: &records)
                    hasEvent = true
                case .startTag, .emptyTag:
                    place = token.range.lowerBound
                    let mark = records.json.count
                    place = try attributes.write(token, prefix: "case:", into: &records.json)
                    if !knowsAttributes { keepCaseMember(&records.json, from: mark) }
                    records.json.truncate(to: mark)
                    isInOrder = isInOrder && (knowsAttributes || !hasEvent)
                }
            }
        } catch {
            // Without all of its attributes no event of the trace is what it was.
            let mark = records.json.count
            records.reject(place..<attributes.tokens.end, from: mark, error.code, describe(error))
            return isInOrder
        }
    }

    private func reject(
        _ token: XMLTokens.Token, _ problem: XMLProblem, into records: inout TranslatedRecords
    ) {
        records.reject(token.range, from: records.json.count, problem.code, describe(problem))
    }

    private mutating func keepCaseMember(_ json: inout ByteArena, from mark: Int) {
        caseMembers.append(contentsOf: json.bytes(of: json.slice(from: mark)))
        caseMembers.append(UInt8(ascii: ","))
    }

    /// Adds the event, or rejects it.
    ///
    /// - Returns: the place behind it.
    private func translateEvent(
        _ opening: XMLTokens.Token, _ attributes: XESAttributes, into records: inout TranslatedRecords
    ) -> Int {
        let mark = records.json.count
        let start = opening.range.lowerBound
        records.json.append(UInt8(ascii: "{"))
        caseMembers.withUnsafeBufferPointer { members in
            if let base = members.baseAddress { records.json.append(base, members.count) }
        }
        do throws(XMLProblem) {
            let end = try writeMembers(of: opening, attributes, into: &records.json)
            // The comma behind the last member.
            if records.json.count > mark + 1 { records.json.truncate(to: records.json.count - 1) }
            records.json.append(UInt8(ascii: "}"))
            records.add(start..<end, from: mark)
            return end
        } catch {
            let end = eventEnd(from: error.next, attributes)
            records.reject(start..<end, from: mark, error.code, describe(error))
            return end
        }
    }

    /// Writes the attributes of an event, with a comma behind each.
    ///
    /// - Returns: the place behind the event.
    private func writeMembers(
        of opening: XMLTokens.Token, _ attributes: XESAttributes, into json: inout ByteArena
    ) throws(XMLProblem) -> Int {
        var place = opening.range.upperBound
        guard opening.kind == .startTag else { return place }
        while true {
            let token = try attributes.token(at: place)
            switch token.kind {
            case .startTag, .emptyTag:
                guard !attributes.isOfRecord(token) else { throw attributes.unexpected(token) }
                place = try attributes.write(token, prefix: "", into: &json)
                json.append(UInt8(ascii: ","))
                continue
            case .endTag:
                guard attributes.isSame(token.name, opening.name) else { throw attributes.unexpected(token) }
                return token.range.upperBound
            case .text, .characterData: try attributes.requireBlank(token)
            case .ignored: break
            }
            place = token.range.upperBound
        }
    }

    /// Where an event ends that is malformed: behind its end tag, or where another event begins or the trace ends.
    private func eventEnd(from start: Int, _ attributes: XESAttributes) -> Int {
        var place = start
        while true {
            switch attributes.tokens.token(at: place) {
            case .unfinished: return attributes.tokens.end
            case .malformed(_, let next, _): place = next
            case .token(let token):
                if attributes.isOfRecord(token) {
                    let isItsEnd = token.kind == .endTag && attributes.isNamed(token.name, "event")
                    return isItsEnd ? token.range.upperBound : token.range.lowerBound
                }
                place = token.range.upperBound
            }
        }
    }

    private func describe(_ problem: XMLProblem) -> String {
        "byte \(problem.place + 1) of the trace: \(problem.what)"
    }
}
