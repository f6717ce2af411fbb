import Alerts
import Foundation

/// A piece of a page. Only literals of our code stand in it as they are: a text that is put into one is escaped, and no
/// text becomes HTML in another way.
struct HTML: ExpressibleByStringInterpolation {
    let text: String

    init(stringLiteral literal: StaticString) { text = literal.description }
    init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

    static let nothing: HTML = ""

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = ""

        init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity * 2) }

        mutating func appendLiteral(_ literal: StaticString) { text += literal.description }
        mutating func appendInterpolation(_ value: some StringProtocol) {
            text += String(value).escapedForHTML
        }
        mutating func appendInterpolation(_ number: Int) { text += String(number) }
        mutating func appendInterpolation(_ html: HTML) { text += html.text }
        mutating func appendInterpolation(_ parts: [HTML]) {
            text += parts.map(\.text).joined(separator: "\n")
        }
        /// A place in a drawing, to a tenth of a unit.
        mutating func appendInterpolation(_ place: Double) {
            let tenths = (place.isFinite ? place * 10 : 0).rounded()
            text += tenths.remainder(dividingBy: 10) == 0 ? "\(Int(tenths / 10))" : "\(tenths / 10)"
        }
    }
}
