"""`GET /static/page.css`: the page's look, its only other file."""

from importlib import resources

from fastapi import APIRouter, Response

router = APIRouter(include_in_schema=False)


@router.get("/static/page.css")
async def style() -> Response:
    css = resources.files("reference_app").joinpath("static/page.css").read_bytes()
    return Response(css, media_type="text/css", headers={"cache-control": "max-age=300"})
