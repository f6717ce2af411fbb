/// What is wrong with a stretch of XML.
struct XMLProblem: Error {
    /// Where it is wrong.
    let place: Int
    /// Where the next tag may begin.
    let next: Int
    var code = RejectCode.malformedXML
    let what: String

    init(_ place: Int, next: Int, _ what: String) { (self.place, self.next, self.what) = (place, next, what) }
}
